//! Links, and images, which are links here: nothing loads before the reader clicks.

use super::Page;
use crate::markdown::Finish;
use crate::markdown::{address::Address, claim, escape};
use pulldown_cmark::{Event, LinkType};

/// A link whose tag is written, and the text in it so far.
pub(super) struct Link {
    address: Address,
    is_auto: bool,
    pub(super) text: String,
    /// Links in this one, of which only the text is written. The parser lets `[<https://a>](https://b)` pass.
    inner: usize,
}

/// An image, of which only the text is wanted, and the elements open in it.
pub(super) struct Image {
    address: Option<Address>,
    text: String,
    depth: usize,
}

impl Image {
    pub(super) fn new(destination: &str) -> Self {
        let address = Address::parse(destination).filter(Address::is_web);
        Self { address, text: String::new(), depth: 1 }
    }
}

impl<F: Finish> Page<'_, F> {
    pub(super) fn start_link(&mut self, kind: LinkType, destination: &str) {
        if let Some(link) = &mut self.link {
            link.inner += 1;
            return;
        }
        // `source` has turned links without an address into text.
        if let Some(address) = Address::of_link(kind, destination) {
            self.open_link(address, matches!(kind, LinkType::Autolink | LinkType::Email));
        }
    }

    pub(super) fn open_link(&mut self, address: Address, is_auto: bool) {
        self.out.push_str("<a ");
        self.push_target(&address);
        // An address reads from left to right in any text; other links name their host, because their text does not.
        if is_auto {
            self.out.push_str(r#" dir="ltr""#);
        } else {
            self.push_title(&address);
        }
        self.out.push('>');
        self.link = Some(Link { address, is_auto, text: String::new(), inner: 0 });
    }

    pub(super) fn link_text(&mut self, text: &str) {
        let Some(link) = &mut self.link else { return };
        let shown = if link.is_auto { link.address.text(text) } else { text };
        escape(&mut self.out, shown);
        link.text.push_str(text);
    }

    pub(super) fn end_link(&mut self) {
        if let Some(link) = &mut self.link
            && link.inner > 0
        {
            link.inner -= 1;
            return;
        }
        let Some(link) = self.link.take() else { return };
        if link.text.trim().is_empty() {
            escape(&mut self.out, &link.address.host);
        } else if !link.is_auto && claim::contradicts(&link.text, &link.address.host) {
            self.push_host(&link.address);
        }
        self.out.push_str("</a>");
    }

    /// Collects the text of an image. Its end writes the link.
    pub(super) fn take_in_image(&mut self, event: Event<'_>) {
        let Some(image) = &mut self.image else { return };
        match event {
            Event::Start(_) => image.depth += 1,
            Event::End(_) => image.depth -= 1,
            Event::Text(text) | Event::Code(text) | Event::InlineHtml(text) => image.text.push_str(&text),
            Event::SoftBreak | Event::HardBreak => image.text.push(' '),
            _ => {}
        }
        if image.depth > 0 {
            return;
        }
        self.depth -= 1;
        let Some(Image { address, text, .. }) = self.image.take() else { return };
        match address {
            Some(address) if self.link.is_none() => self.image_link(&address, text.trim()),
            _ => self.wrapped("", &text, ""),
        }
    }

    fn image_link(&mut self, address: &Address, text: &str) {
        self.out.push_str(r#"<a class="image-link" "#);
        self.push_target(address);
        self.push_title(address);
        self.out.push('>');
        escape(&mut self.out, if text.is_empty() { "Image" } else { text });
        self.push_host(address);
        self.out.push_str("</a>");
    }

    fn push_target(&mut self, address: &Address) {
        self.out.push_str("href=\"");
        escape(&mut self.out, &address.href);
        self.out.push_str(r#"" rel="noopener noreferrer nofollow" target="_blank""#);
    }

    fn push_title(&mut self, address: &Address) {
        self.out.push_str(" title=\"");
        escape(&mut self.out, &address.host);
        self.out.push('"');
    }

    fn push_host(&mut self, address: &Address) {
        self.out.push_str(r#" <span class="host">"#);
        escape(&mut self.out, &address.host);
        self.out.push_str("</span>");
    }
}
