//! The images of a message that was sent.

use super::icon;
use crate::markdown::escape;
use crate::model::Image;
use crate::ui::attachments::IMAGES;

/// Their address depends on the page's: under a public link, the link grants access to them.
///
/// Thumbnails, and in full when they are pressed. That is the browser's own feature, so it
/// works without our code as well. HTML as text is a tenth of the code of components.
pub fn pictures(message: &str, images: &[Image]) -> String {
    let mut html = String::new();
    for Image { id, name, width, height } in images {
        let mut alt = String::new();
        escape(&mut alt, name);
        let full = format!("{message}-{id}");
        let image = format!(
            "<img src=\"..{IMAGES}/{id}\" alt=\"{alt}\" width=\"{width}\" height=\"{height}\" loading=\"lazy\" decoding=\"async\">"
        );
        html += &format!(
            "<li><button type=\"button\" class=\"picture\" popovertarget=\"{full}\">{image}</button>\
             <div class=\"lightbox\" id=\"{full}\" popover role=\"dialog\" aria-label=\"{alt}\">{image}\
             <button type=\"button\" class=\"plain\" popovertarget=\"{full}\" popovertargetaction=\"hide\" aria-label=\"Close\">\
             <svg class=\"icon\" viewBox=\"0 0 20 20\" aria-hidden=\"true\"><path d=\"{}\"></path></svg></button></div></li>",
            icon::CLOSE
        );
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ImageId;

    #[test]
    fn a_files_name_stays_words_wherever_it_is_shown() {
        let name = "\"><script>alert(1)</script>&'".to_owned();
        let html = pictures("m-1", &[Image { id: ImageId::new(), name, width: 3, height: 2 }]);
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(html.matches("&lt;script&gt;").count(), 3);
    }
}
