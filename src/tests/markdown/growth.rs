//! Texts made to become much HTML (Z34), and how much of a text is shown.

use crate::markdown::{Blocks, MAX_SHOWN_BYTES, render, shown};
use crate::server::highlight;

/// What no text may reach: eight bytes for each of its own, and a little.
fn most(text: &str) -> usize {
    8 * text.len() + (64 << 10)
}

#[test]
fn z34_html_that_grows_too_much_is_shown_as_it_stands() {
    for bomb in
        ["- ```\n", "#\n\n", "~~~\n~~~\n", "* [ ] \n", "[](a) ", "![](a)", "a.io ", "`a`", "1)\n\n\n", "<a@b.de>"]
    {
        let text = bomb.repeat(100_000 / bomb.len());
        for html in [render(&text), highlight::render(&text)] {
            assert!(html.len() <= most(&text), "{bomb:?}: {} for {}", html.len(), text.len());
        }
        let mut blocks = Blocks::default();
        for end in [text.len() / 3, text.len()] {
            blocks.update(&text[..end]);
        }
        let drawn = blocks.open.len() + blocks.finished.iter().map(|html| html.len()).sum::<usize>();
        assert!(drawn <= most(&text), "{bomb:?}: {drawn} for {} while it grows", text.len());
    }
    let plain = render(&"- ```\n".repeat(20_000));
    assert!(plain.contains("- ```\n- ```\n") && !plain.contains("<li>"));
}

#[test]
fn z34_what_people_and_models_write_is_rendered() {
    let table = format!("|a|b|c|\n|-:|-:|-:|\n{}", "|1|2|3|\n".repeat(1_000));
    let tasks = "- [x] a\n".repeat(2_000);
    let empty = "- ```\n".repeat(200);
    for (text, tag) in [(table, "<td class=\"right\">"), (tasks, "checkbox"), (empty, "<figure")] {
        let html = render(&text);
        assert!(html.contains(tag), "{tag}: {}", html.chars().take(300).collect::<String>());
        let mut blocks = Blocks::default();
        blocks.update(&format!("{text}\n\nx\n"));
        assert!(!blocks.finished.is_empty(), "{tag}");
    }
    // Colours do not count.
    let code = format!("```js\n{}\n```\n", "1+".repeat(30_000));
    assert!(highlight::render(&code).contains("class=\"n\""));
}

#[test]
fn z34_a_page_shows_the_beginning_of_a_long_text() {
    assert_eq!(shown("short"), "short");
    let long = format!("a{}", "é".repeat(MAX_SHOWN_BYTES));
    assert_eq!(shown(&long).len(), MAX_SHOWN_BYTES - 1);
    assert!(long.starts_with(shown(&long)));
    let most_of_a_person = crate::server::prompt::Prompt::MAX * 4;
    assert!(most_of_a_person <= MAX_SHOWN_BYTES, "what people say is never cut");
}
