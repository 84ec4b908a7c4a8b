//! A conversation as a page in one file, which needs nothing else: to keep, to print, to hand on. It has its style inside and
//! loads nothing.

use super::markdown::{Numbered, called, ending};
use crate::markdown::escape;
use crate::model::{AccountId, Message};
use crate::server::highlight;
use crate::server::store::conversations::Stored;
use crate::server::times::minute;

const STYLE: &str = "
:root{color-scheme:light dark}
body{max-width:44rem;margin:2rem auto;padding:0 1rem;background:light-dark(#f7f2e8,#0f1722);color:light-dark(#29241d,#dde3e8);\
font:1.0625rem/1.6 Palatino,Georgia,serif}
h1{font-size:1.75rem}
article{margin-block:2rem;padding-block-start:.75rem;border-block-start:1px solid light-dark(#dbd0bc,#2a394c)}
article>h2{margin:0 0 .5rem;font:600 .875rem/1.5 system-ui,sans-serif}
.quiet,.copy{color:light-dark(#665d50,#9aa7b5)}
.copy,.tex{display:none}
pre{overflow:auto;padding:.75rem;border-radius:.5rem;background:light-dark(#ebe3d3,#1a2534);font:.875rem/1.5 ui-monospace,monospace}
code{font-family:ui-monospace,monospace}
table{border-collapse:collapse}
th,td{padding:.25rem .75rem;border:1px solid light-dark(#dbd0bc,#2a394c)}
blockquote{margin-inline:0;padding-inline-start:1rem;border-inline-start:3px solid light-dark(#8f8570,#617186)}
@media print{body{color-scheme:light;background:none;color:#000}pre{white-space:pre-wrap}}
";

pub(super) const END: &str = "</body></html>\n";

pub(super) fn head(stored: &Stored) -> String {
    let title = if stored.title.is_empty() { "A conversation" } else { &stored.title };
    let mut html = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>"
        .to_owned();
    escape(&mut html, title);
    html.push_str("</title><style>");
    html.push_str(STYLE);
    html.push_str("</style></head><body>\n<h1 dir=\"auto\">");
    escape(&mut html, title);
    html.push_str("</h1><p class=\"quiet\">Begun on ");
    html.push_str(&minute(&stored.created_at));
    html.push_str(" UTC.</p>\n");
    if !stored.system.is_empty() {
        html.push_str("<p>Its instructions:</p><blockquote dir=\"auto\"><p>");
        escape(&mut html, &stored.system);
        html.push_str("</p></blockquote>\n");
    }
    html
}

/// A message, as `account` sees it.
pub(super) fn message(html: &mut String, account: AccountId, place: &Numbered, message: &Message) {
    html.push_str(&format!("<article id=\"m{}\"><h2>", place.number));
    escape(html, called(account, message));
    html.push_str(&format!(", {} UTC", minute(&message.created_at)));
    if let Some(answers) = place.answers.filter(|answers| *answers != place.number - 1) {
        html.push_str(&format!(", in answer to <a href=\"#m{answers}\">an earlier one</a>"));
    }
    html.push_str("</h2>\n");
    for image in &message.images {
        html.push_str("<p class=\"quiet\">An image that is not here: ");
        escape(html, &image.name);
        html.push_str("</p>\n");
    }
    for (text, is_thought) in [(&message.thinking, true), (&message.text, false)] {
        if text.is_empty() {
            continue;
        }
        html.push_str(if is_thought { "<details><summary>Its thinking</summary>" } else { "<div dir=\"auto\">" });
        html.push_str(&highlight::render(text));
        html.push_str(if is_thought { "</details>\n" } else { "</div>\n" });
    }
    if let Some(ending) = ending(message) {
        html.push_str("<p class=\"quiet\">");
        escape(html, &ending);
        html.push_str("</p>\n");
    }
    html.push_str("</article>\n");
}
