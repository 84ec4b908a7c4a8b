//! Keeps the reader's selection and focus in a part of the page while it changes. The browser moves both away
//! from a node that is replaced; here they go to the same text and to the same link in what took its place.

use super::{document, window};
use wasm_bindgen::JsCast;
use web_sys::{Element, FocusOptions, HtmlElement, Node, Range, Selection};

/// The selection and the focus in an element before it changed.
pub struct Held {
    root: Element,
    anchor: Option<Point>,
    focus: Option<Point>,
    focused: Option<Focused>,
}

impl Held {
    pub fn of(root: &Element) -> Self {
        let selection = selection();
        let anchor = selection.as_ref().and_then(|it| Point::of(root, it.anchor_node()?, it.anchor_offset()));
        let focus = selection.as_ref().and_then(|it| Point::of(root, it.focus_node()?, it.focus_offset()));
        Self { root: root.clone(), anchor, focus, focused: Focused::of(root) }
    }

    /// Restores the selection and the focus if the change has lost them.
    pub fn restore(self) {
        self.restore_selection();
        if let Some(focused) = self.focused {
            focused.restore(&self.root);
        }
    }

    fn restore_selection(&self) -> Option<()> {
        let selection = selection()?;
        let anchor = (selection.anchor_node()?, selection.anchor_offset());
        let focus = (selection.focus_node()?, selection.focus_offset());
        let is_lost = |point: &Option<Point>, now| point.as_ref().is_some_and(|point| !point.is(now));
        if is_lost(&self.anchor, &anchor) || is_lost(&self.focus, &focus) {
            let (from, to) = (text_offset(&self.anchor), text_offset(&self.focus));
            let anchor = find(&self.root, &self.anchor, from < to).unwrap_or(anchor);
            let focus = find(&self.root, &self.focus, to < from).unwrap_or(focus);
            // Throws only for an offset after a node's end.
            let _ = selection.set_base_and_extent(&anchor.0, anchor.1, &focus.0, focus.1);
        }
        Some(())
    }
}

fn selection() -> Option<Selection> {
    window().get_selection().ok().flatten()
}

/// An end of the selection.
struct Point {
    node: Node,
    offset: u32,
    /// How much text stands before it in the element, in UTF-16 units.
    text: u32,
}

impl Point {
    /// None if it is not in `root`.
    fn of(root: &Element, node: Node, offset: u32) -> Option<Self> {
        if !root.contains(Some(&node)) {
            return None;
        }
        let before = Range::new().ok()?;
        before.select_node_contents(root).ok()?;
        before.set_end(&node, offset).ok()?;
        Some(Self { node, offset, text: before.to_string().length() })
    }

    fn is(&self, (node, offset): &(Node, u32)) -> bool {
        self.node == *node && self.offset == *offset
    }
}

fn text_offset(point: &Option<Point>) -> Option<u32> {
    point.as_ref().map(|point| point.text)
}

/// Where the point is by its text. Between two texts, the start of a selection belongs to the second and its end to the
/// first.
fn find(root: &Element, point: &Option<Point>, is_start: bool) -> Option<(Node, u32)> {
    find_text(root, &mut point.as_ref()?.text.clone(), is_start)
}

/// Counts `left` down over the texts in `node`.
fn find_text(node: &Node, left: &mut u32, is_start: bool) -> Option<(Node, u32)> {
    if node.node_type() == Node::TEXT_NODE {
        let length = node.unchecked_ref::<web_sys::CharacterData>().length();
        if *left < length || !is_start && *left == length {
            return Some((node.clone(), *left));
        }
        *left -= length;
    }
    let mut child = node.first_child();
    while let Some(inner) = child {
        if let Some(found) = find_text(&inner, left, is_start) {
            return Some(found);
        }
        child = inner.next_sibling();
    }
    None
}

/// The name of the focused element, and its index among the elements of that name.
struct Focused {
    element: Element,
    index: u32,
}

impl Focused {
    fn of(root: &Element) -> Option<Self> {
        let element = document().active_element().filter(|element| root.contains(Some(element)))?;
        let alike = root.get_elements_by_tag_name(&element.tag_name());
        let index = (0..alike.length()).find(|index| alike.item(*index).as_ref() == Some(&element))?;
        Some(Self { element, index })
    }

    fn restore(self, root: &Element) {
        if self.element.is_connected() {
            return;
        }
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        let now = root.get_elements_by_tag_name(&self.element.tag_name()).item(self.index);
        if let Some(now) = now.as_ref().and_then(|now| now.dyn_ref::<HtmlElement>()) {
            let _ = now.focus_with_options(&options);
        }
    }
}
