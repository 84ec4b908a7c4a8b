//! Writes the HTML of parsed Markdown. Every tag that can come out stands in this file, but for `<a>` (`link`), the
//! few that models write themselves (`small`), and those of colours and formulas, which the server adds.

mod link;
mod small;

use super::{Finish, autolink, escape};
use link::{Image, Link};
use pulldown_cmark::{Alignment, BlockQuoteKind, CodeBlockKind, Event, HeadingLevel, Tag, TagEnd};
use small::Small;

/// Elements within each other. Deeper ones lose their tags and keep their text: browsers give up at 512.
const MAX_DEPTH: usize = 100;

/// Longer names are not languages.
const MAX_LANGUAGE_BYTES: usize = 24;

/// The tags around text that is shown without Markdown.
pub(super) const PLAIN_START: &str = r#"<pre class="plain" dir="auto">"#;
pub(super) const PLAIN_END: &str = "</pre>";

/// What can be done with a code block. `ui/code_block` listens.
const CODE_BUTTONS: &str = "</span><button type=\"button\" class=\"copy\" data-wrap aria-pressed=\"false\">Wrap</button>\
    <button type=\"button\" class=\"copy\" data-save>Download</button>\
    <button type=\"button\" class=\"copy\" data-copy>Copy</button></figcaption>";

/// The HTML after the text of a code block.
pub(super) const CODE_END: &str = "</code></pre></figure>";

/// The HTML written so far, and the open elements.
pub(super) struct Page<'a, F> {
    out: String,
    /// Bytes that were taken out by [`finish`](Self::finish).
    finished_bytes: usize,
    /// Bytes of all of it that colour code or set formulas.
    finish_bytes: usize,
    finisher: &'a F,
    depth: usize,
    /// The depth of the outermost open element whose tags are dropped.
    dropped: Option<usize>,
    /// Open quotes and lists: the outermost chooses the direction of all that stands in it.
    guides: usize,
    table: Table,
    code: Option<Code>,
    link: Option<Link>,
    image: Option<Image>,
    small: Vec<Small>,
    /// The names of the footnotes so far. They are shown by their numbers.
    notes: Vec<String>,
}

#[derive(Default)]
struct Table {
    columns: Vec<Alignment>,
    column: usize,
    is_head: bool,
}

struct Code {
    language: String,
    text: String,
}

impl<'a, F: Finish> Page<'a, F> {
    pub(super) fn new(finisher: &'a F) -> Self {
        Self {
            out: String::new(),
            finished_bytes: 0,
            finish_bytes: 0,
            finisher,
            depth: 0,
            dropped: None,
            guides: 0,
            table: Table::default(),
            code: None,
            link: None,
            image: None,
            small: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Whether no block is open.
    pub(super) fn is_at_top(&self) -> bool {
        self.depth == 0
    }

    /// The HTML since the last call.
    pub(super) fn finish(&mut self) -> String {
        self.finished_bytes += self.out.len();
        std::mem::take(&mut self.out)
    }

    /// All HTML so far, without what colours its code and sets its formulas.
    pub(super) fn plain_bytes(&self) -> usize {
        (self.finished_bytes + self.out.len()).saturating_sub(self.finish_bytes)
    }

    pub(super) fn take(&mut self, event: Event<'_>) {
        if self.image.is_some() {
            return self.take_in_image(event);
        }
        match event {
            Event::Start(tag) => self.descend(tag),
            Event::End(tag) => self.ascend(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.wrapped(r#"<code dir="ltr">"#, &text, "</code>"),
            Event::InlineHtml(html) if is_line_break(&html) => self.out.push_str("<br>"),
            Event::InlineHtml(html) => self.inline_html(&html),
            Event::Html(html) => self.wrapped("", &html, ""),
            Event::SoftBreak => self.wrapped("", "\n", ""),
            Event::HardBreak => self.out.push_str("<br>"),
            Event::Rule => self.out.push_str("<hr>"),
            Event::TaskListMarker(is_done) => self.out.push_str(task(is_done)),
            // Not the parser's: `source` found a formula, and this is its HTML.
            Event::InlineMath(html) => self.formula(&html),
            // Not switched on in `OPTIONS`.
            Event::DisplayMath(text) => self.text(&text),
            Event::FootnoteReference(label) => self.note(&label),
        }
    }

    fn descend(&mut self, tag: Tag<'_>) {
        self.depth += 1;
        // Either all tags of a table are written or none.
        let below = if matches!(tag, Tag::Table(_)) { 3 } else { 0 };
        if self.depth + below > MAX_DEPTH && self.dropped.is_none() {
            self.dropped = Some(self.depth);
        }
        if self.dropped.is_none() {
            self.start(tag);
        }
    }

    fn ascend(&mut self, tag: TagEnd) {
        if self.dropped.is_none() {
            self.end(tag);
        }
        if self.dropped == Some(self.depth) {
            self.dropped = None;
        }
        self.depth -= 1;
        self.forget_small();
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.push(&["<p", self.direction()]),
            Tag::Heading { level, .. } => self.push(&["<", heading(level), self.direction()]),
            Tag::BlockQuote(alert) => {
                self.guide(&["<blockquote"]);
                if let Some(alert) = alert {
                    // The label is ours, and must not decide the text's direction.
                    self.push(&[r#"<p><strong dir="ltr">"#, name(alert), "</strong></p>"]);
                }
            }
            Tag::Item => self.out.push_str("<li>"),
            Tag::List(Some(1)) => self.guide(&["<ol"]),
            Tag::List(Some(first)) => {
                self.guide(&[r#"<ol start=""#, &first.to_string(), room(first)]);
            }
            Tag::List(None) => self.guide(&["<ul"]),
            Tag::CodeBlock(kind) => self.code = Some(Code { language: language(&kind), text: String::new() }),
            Tag::HtmlBlock => self.out.push_str(PLAIN_START),
            Tag::Table(columns) => self.start_table(columns),
            Tag::TableHead => self.start_row("<thead><tr>", true),
            Tag::TableRow => self.start_row("<tr>", false),
            Tag::TableCell => self.start_cell(),
            Tag::Emphasis => self.out.push_str("<em>"),
            Tag::Strong => self.out.push_str("<strong>"),
            Tag::Strikethrough => self.out.push_str("<del>"),
            Tag::Link { link_type, dest_url, .. } => self.start_link(link_type, &dest_url),
            Tag::FootnoteDefinition(label) => {
                self.guide(&[r#"<div class="footnote""#]);
                self.note(&label);
            }
            Tag::Image { dest_url, .. } => self.image = Some(Image::new(&dest_url)),
            // Not switched on in `OPTIONS`.
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.out.push_str("</p>"),
            TagEnd::Heading(level) => self.push(&["</", heading(level), ">"]),
            TagEnd::BlockQuote(_) => self.end_guide("</blockquote>"),
            TagEnd::Item => self.out.push_str("</li>"),
            TagEnd::List(true) => self.end_guide("</ol>"),
            TagEnd::List(false) => self.end_guide("</ul>"),
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::HtmlBlock => self.out.push_str(PLAIN_END),
            TagEnd::Table => self.out.push_str("</tbody></table></div>"),
            TagEnd::TableHead => self.out.push_str("</tr></thead><tbody>"),
            TagEnd::TableRow => self.out.push_str("</tr>"),
            TagEnd::TableCell => self.out.push_str(if self.table.is_head { "</th>" } else { "</td>" }),
            TagEnd::Emphasis => self.out.push_str("</em>"),
            TagEnd::Strong => self.out.push_str("</strong>"),
            TagEnd::Strikethrough => self.out.push_str("</del>"),
            TagEnd::FootnoteDefinition => self.end_guide("</div>"),
            TagEnd::Link => self.end_link(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(code) = &mut self.code {
            return code.text.push_str(text);
        }
        if self.link.is_some() {
            return self.link_text(text);
        }
        let (found, rest) = autolink::find(text);
        for address in found {
            escape(&mut self.out, address.before);
            self.open_link(address.address, true);
            self.link_text(address.raw);
            self.end_link();
        }
        escape(&mut self.out, rest);
    }

    /// The number of a footnote, by the order in which they are named.
    fn note(&mut self, label: &str) {
        let known = self.notes.iter().position(|note| note == label);
        let number = known.unwrap_or_else(|| {
            self.notes.push(label.to_owned());
            self.notes.len() - 1
        });
        self.push(&[r#"<sup class="note">"#, &(number + 1).to_string(), "</sup>"]);
    }

    fn formula(&mut self, html: &str) {
        self.finish_bytes += html.len();
        self.out.push_str(html);
    }

    /// Text that holds no links, in a link or not.
    fn wrapped(&mut self, start: &str, text: &str, end: &str) {
        if let Some(link) = &mut self.link {
            link.text.push_str(text);
        }
        self.out.push_str(start);
        escape(&mut self.out, text);
        self.out.push_str(end);
    }

    /// The end of a tag that chooses its direction by its first letters, unless something around it has chosen: a browser
    /// does not look for letters in what chooses for itself.
    fn direction(&self) -> &'static str {
        if self.guides == 0 { r#" dir="auto">"# } else { ">" }
    }

    fn guide(&mut self, tag: &[&str]) {
        self.push(tag);
        self.out.push_str(self.direction());
        self.guides += 1;
    }

    fn end_guide(&mut self, tag: &str) {
        self.guides -= 1;
        self.out.push_str(tag);
    }

    fn start_table(&mut self, columns: Vec<Alignment>) {
        self.table = Table { columns, ..Table::default() };
        self.push(&[r#"<div class="table" tabindex="0" role="group" aria-label="Table""#, self.direction(), "<table>"]);
    }

    fn start_row(&mut self, tag: &str, is_head: bool) {
        self.table.column = 0;
        self.table.is_head = is_head;
        self.out.push_str(tag);
    }

    fn start_cell(&mut self) {
        let align = match self.table.columns.get(self.table.column) {
            Some(Alignment::Left) => r#" class="left">"#,
            Some(Alignment::Center) => r#" class="center">"#,
            Some(Alignment::Right) => r#" class="right">"#,
            Some(Alignment::None) | None => ">",
        };
        self.table.column += 1;
        let tag = if self.table.is_head { r#"<th scope="col""# } else { "<td" };
        self.push(&[tag, align]);
    }

    fn end_code(&mut self) {
        let Some(Code { language, text }) = self.code.take() else { return };
        self.out.push_str(r#"<figure class="code" dir="ltr"><figcaption><span>"#);
        escape(&mut self.out, &language);
        self.out.push_str(CODE_BUTTONS);
        self.out.push_str(r#"<pre tabindex="0"><code>"#);
        match Some(&language).filter(|name| !name.is_empty()).and_then(|name| self.finisher.code(name, &text)) {
            Some(html) => {
                self.finish_bytes += html.len().saturating_sub(text.len());
                self.out.push_str(&html);
            }
            None => escape(&mut self.out, &text),
        }
        self.out.push_str(CODE_END);
    }

    fn push(&mut self, pieces: &[&str]) {
        self.out.extend(pieces.iter().copied());
    }
}

/// A reply's headings stand below the page's own two levels.
fn heading(level: HeadingLevel) -> &'static str {
    match level {
        HeadingLevel::H1 => "h3",
        HeadingLevel::H2 => "h4",
        HeadingLevel::H3 => "h5",
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => "h6",
    }
}

/// How much room the numbers of a list need, by its first number: three digits fit without a class.
fn room(first: u64) -> &'static str {
    match first {
        0..900 => "\"",
        900..90_000 => r#"" class="wide""#,
        _ => r#"" class="widest""#,
    }
}

/// The title of an alert, as on GitHub.
fn name(alert: BlockQuoteKind) -> &'static str {
    match alert {
        BlockQuoteKind::Note => "Note",
        BlockQuoteKind::Tip => "Tip",
        BlockQuoteKind::Important => "Important",
        BlockQuoteKind::Warning => "Warning",
        BlockQuoteKind::Caution => "Caution",
    }
}

fn task(is_done: bool) -> &'static str {
    if is_done {
        r#"<input class="task" type="checkbox" disabled checked aria-label="Done"> "#
    } else {
        r#"<input class="task" type="checkbox" disabled aria-label="To do"> "#
    }
}

/// `<br>`, which is kept as a tag: models write it in the cells of tables, where Markdown has no line break.
fn is_line_break(html: &str) -> bool {
    ["<br>", "<br/>", "<br />"].iter().any(|tag| html.eq_ignore_ascii_case(tag))
}

/// The language that a fence names (`rust` of `rust,ignore`), or nothing.
fn language(kind: &CodeBlockKind<'_>) -> String {
    let CodeBlockKind::Fenced(info) = kind else { return String::new() };
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+#-._".contains(c);
    let name = info.trim_start();
    let name = &name[..name.find(|c| !is_part(c)).unwrap_or(name.len())];
    if name.len() > MAX_LANGUAGE_BYTES { String::new() } else { name.to_owned() }
}
