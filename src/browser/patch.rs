//! Changing what an element shows by touching only what differs, so that what the reader has selected, scrolled or
//! focused in it stays as it is.

use super::document;
use super::held::Held;
use wasm_bindgen::JsCast;
use web_sys::{CharacterData, DocumentFragment, Element, HtmlTemplateElement, Node};

/// Makes what stands in `parent` after its first `kept` nodes equal to `html`.
///
/// Both trees are walked side by side, which is all that text growing at its end needs: a node that is equal stays, text
/// grows in place, an element of the same name gets the new attributes and children, anything else is replaced. The text
/// of a button is left alone: it may show that its code was just copied.
pub fn patch(parent: &Element, kept: usize, html: &str) {
    let Some(new) = parsed(html) else { return };
    let held = Held::of(parent);
    let first = u32::try_from(kept).ok().and_then(|kept| parent.child_nodes().item(kept));
    change_children(parent, first, &new);
    held.restore();
}

/// Makes `text` the text of an element that holds nothing else.
pub fn patch_text(parent: &Element, text: &str) {
    match parent.first_child() {
        Some(node) => change_text(node.unchecked_ref(), text),
        None => parent.set_text_content(Some(text)),
    }
}

/// In a template nothing loads and nothing runs.
fn parsed(html: &str) -> Option<DocumentFragment> {
    let template: HtmlTemplateElement = document().create_element("template").ok()?.unchecked_into();
    template.set_inner_html(html);
    Some(template.content())
}

/// Makes the children of `parent` from `at` on into those of `new`. No call in here throws: all nodes are where they are
/// looked for, and an element may hold whatever the parser put into it.
fn change_children(parent: &Node, mut at: Option<Node>, new: &Node) {
    let mut next = new.first_child();
    while let Some(wanted) = next {
        next = wanted.next_sibling();
        at = match at {
            Some(old) if old.is_equal_node(Some(&wanted)) => old.next_sibling(),
            Some(old) if old.node_name() == wanted.node_name() => {
                change(&old, &wanted);
                old.next_sibling()
            }
            Some(old) => {
                let _ = parent.replace_child(&wanted, &old);
                wanted.next_sibling()
            }
            None => {
                let _ = parent.append_child(&wanted);
                None
            }
        };
    }
    while let Some(old) = at {
        at = old.next_sibling();
        let _ = parent.remove_child(&old);
    }
}

/// Both have the same name: two elements, or two texts.
fn change(old: &Node, wanted: &Node) {
    if old.node_type() == Node::TEXT_NODE {
        return change_text(old.unchecked_ref(), &wanted.node_value().unwrap_or_default());
    }
    let (old, wanted): (&Element, &Element) = (old.unchecked_ref(), wanted.unchecked_ref());
    change_attributes(old, wanted);
    if old.tag_name() != "BUTTON" {
        change_children(old, old.first_child(), wanted);
    }
}

fn change_attributes(old: &Element, wanted: &Element) {
    for name in names(old).filter(|name| !wanted.has_attribute(name)) {
        let _ = old.remove_attribute(&name);
    }
    for name in names(wanted) {
        let value = wanted.get_attribute(&name);
        if old.get_attribute(&name) != value {
            let _ = old.set_attribute(&name, &value.unwrap_or_default());
        }
    }
}

fn names(element: &Element) -> impl Iterator<Item = String> {
    element.get_attribute_names().into_iter().filter_map(|name| name.as_string())
}

/// A selection in the part that stays survives this, which it would not if all the text were set.
fn change_text(node: &CharacterData, text: &str) {
    let old = node.data();
    let Difference { start, removed, added } = Difference::between(&old, text);
    let _ = match (removed, added) {
        (0, "") => Ok(()),
        (0, _) if start == node.length() => node.append_data(added),
        _ => node.replace_data(start, removed, added),
    };
}

/// How one text becomes another, counted in UTF-16 units as the browser does.
#[derive(Debug, PartialEq)]
struct Difference<'a> {
    start: u32,
    removed: u32,
    added: &'a str,
}

impl<'a> Difference<'a> {
    /// Everything from the first character that differs.
    fn between(old: &str, new: &'a str) -> Self {
        let same = if new.starts_with(old) { old.len() } else { common(old, new) };
        Self { start: units(&old[..same]), removed: units(&old[same..]), added: &new[same..] }
    }
}

/// The length of what both begin with.
fn common(old: &str, new: &str) -> usize {
    let differs = old.char_indices().zip(new.chars()).find(|((_, old), new)| old != new);
    differs.map_or(old.len().min(new.len()), |((at, _), _)| at)
}

fn units(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(old: &str, new: &'static str) -> (u32, u32, &'static str) {
        let Difference { start, removed, added } = Difference::between(old, new);
        (start, removed, added)
    }

    #[test]
    fn z17_text_that_grew_is_only_appended_to() {
        assert_eq!(difference("", "a"), (0, 0, "a"));
        assert_eq!(difference("a", "a b"), (1, 0, " b"));
        assert_eq!(difference("𝄞é", "𝄞é."), (3, 0, "."));
        assert_eq!(difference("same", "same"), (4, 0, ""));
    }

    #[test]
    fn z17_text_that_changed_keeps_what_it_begins_with() {
        assert_eq!(difference("a **b", "a "), (2, 3, ""));
        assert_eq!(difference("a 𝄞 c", "a 𝄢 c"), (2, 4, "𝄢 c"));
        assert_eq!(difference("é", "e"), (0, 1, "e"));
    }
}
