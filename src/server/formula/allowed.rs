//! Writes MathML anew, and only what stands in these lists: the elements and attributes that formulas need, none of which
//! loads, runs or leads anywhere. Styles are not among them: the pages' policy forbids them, and colours that a model
//! chooses cannot be read on every background.

use super::FRAMED;
use crate::markdown::escape;

const ELEMENTS: [&str; 18] = [
    "math",
    "mrow",
    "mi",
    "mn",
    "mo",
    "mtext",
    "mspace",
    "msub",
    "msup",
    "msubsup",
    "munder",
    "mover",
    "munderover",
    "mfrac",
    "msqrt",
    "mroot",
    "mtable",
    "mtr",
];
const CELL: &str = "mtd";

const ATTRIBUTES: [&str; 14] = [
    "display",
    "displaystyle",
    "scriptlevel",
    "mathvariant",
    "stretchy",
    "symmetric",
    "minsize",
    "maxsize",
    "largeop",
    "movablelimits",
    "linethickness",
    "width",
    "height",
    "depth",
];

/// The crate's classes, and those of the style sheet.
const CLASSES: [(&str, &str); 15] = [
    ("menv-alignlike", "align"),
    ("menv-align", "apart"),
    ("menv-cases", "cases"),
    ("menv-cells-left", "left"),
    ("menv-cells-right", "right"),
    ("cell-left", "left"),
    ("cell-right", "right"),
    ("menv-left-solid", "wall-left"),
    ("menv-left-dashed", "wall-left"),
    ("menv-right-solid", "wall-right"),
    ("menv-right-dashed", "wall-right"),
    ("menv-hline", "floor"),
    ("menv-hdashline", "floor"),
    ("mop-negated", "negated"),
    ("margin-left", "tight"),
];

/// Longer values are none of these attributes'.
const MAX_VALUE_BYTES: usize = 32;
/// Elements within each other: deeper ones cannot be read, and browsers give up at 512.
const MAX_DEPTH: usize = 128;
/// A formula may become this much: fifteen times its TeX, which is what the smallest signs take.
const MAX_BYTES: usize = 64 << 10;

/// Adds `mathml` to `out`, or declines; then `out` holds a part of it.
pub(super) fn write(out: &mut String, mathml: &str) -> Option<()> {
    let (mut rest, mut open) = (mathml, Vec::new());
    let mut is_framed = false;
    while !rest.is_empty() {
        if open.len() > MAX_DEPTH || out.len() > MAX_BYTES {
            return None;
        }
        rest = match tag_at_start(rest) {
            Some(("/", tag)) => {
                let (name, behind) = tag.split_once('>')?;
                if open.pop() != Some(name) {
                    return None;
                }
                out.extend(["</", name, ">"]);
                behind
            }
            Some((_, tag)) => {
                let (name, behind) = tag.split_at(tag.find([' ', '>'])?);
                let name = ELEMENTS.into_iter().chain([CELL]).find(|known| *known == name)?;
                out.extend(["<", name]);
                let frame = std::mem::take(&mut is_framed).then_some("boxed");
                let (is_empty, behind) = attributes(out, frame, behind)?;
                out.push('>');
                match is_empty {
                    true => out.extend(["</", name, ">"]),
                    false => open.push(name),
                }
                behind
            }
            None => {
                let (text, behind) = rest.split_at(text_bytes(rest));
                is_framed |= text == FRAMED.encode_utf8(&mut [0; 4]);
                if !is_framed {
                    write_text(out, text);
                }
                behind
            }
        };
    }
    open.is_empty().then_some(())
}

/// What stands behind `<` or `</` where a tag begins. The crate writes the sign `<` as it is: no letter follows that.
fn tag_at_start(html: &str) -> Option<(&str, &str)> {
    let behind = html.strip_prefix('<')?;
    let name = behind.strip_prefix('/').unwrap_or(behind);
    let slash = &behind[..behind.len() - name.len()];
    name.starts_with(|first: char| first.is_ascii_alphabetic()).then_some((slash, name))
}

/// Writes the attributes that are allowed, and `class` besides. Returns whether the tag closes itself, and what stands behind it.
fn attributes<'a>(out: &mut String, class: Option<&'static str>, mut rest: &'a str) -> Option<(bool, &'a str)> {
    let mut classes: Vec<&str> = class.into_iter().collect();
    loop {
        rest = rest.trim_start_matches(' ');
        let closed = rest.strip_prefix("/>").map(|behind| (true, behind));
        if let Some(end) = closed.or_else(|| rest.strip_prefix('>').map(|behind| (false, behind))) {
            if !classes.is_empty() {
                out.extend([" class=\"", &classes.join(" "), "\""]);
            }
            return Some(end);
        }
        let (name, behind) = rest.split_once("=\"")?;
        let (value, behind) = behind.split_once('"')?;
        rest = behind;
        match name {
            // A style is read for what the sheet has a class for.
            "class" | "style" => classes.extend(value.split([' ', ':', ';']).filter_map(ours)),
            name if ATTRIBUTES.contains(&name) && is_plain(value) => out.extend([" ", name, "=\"", value, "\""]),
            _ => {}
        }
    }
}

fn ours(theirs: &str) -> Option<&'static str> {
    CLASSES.iter().find(|(known, _)| *known == theirs).map(|(_, ours)| *ours)
}

/// A number with its unit, or a word.
fn is_plain(value: &str) -> bool {
    value.len() <= MAX_VALUE_BYTES && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-%".contains(&byte))
}

/// The length of the text up to the next tag. The sign `<` is no tag.
fn text_bytes(html: &str) -> usize {
    let mut end = html.find('<').unwrap_or(html.len());
    while end < html.len() && tag_at_start(&html[end..]).is_none() {
        end += 1 + html[end + 1..].find('<').unwrap_or(html.len() - end - 1);
    }
    end
}

fn write_text(out: &mut String, html: &str) {
    let read = html.replace("&nbsp;", "\u{a0}").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    escape(out, &read);
}
