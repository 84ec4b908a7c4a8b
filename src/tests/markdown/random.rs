//! Markdown of random texts.

use super::{every_cut, scanner::checked, streamed};
use crate::markdown::{self, plain_title, render};
use crate::server::highlight;
use proptest::prelude::*;

/// Texts full of what Markdown and HTML are made of.
fn dense() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ \\n#>*_`~|<>\\[\\]()!&\\\\:.=+\"'0-9a-c\t-]{1,6}",
        2 => prop::sample::select(vec![
            "\n", "\n\n", "\n- ", "\n1. ", "\n    ", "\n> ", "\n```rust\n", "\n```\n", "\n~~~~\n", "|a|b|\n|-|:-:|\n", "| c | d |\n",
            "**bold**", "[a](https://b.example)", "![a](https://b.example/c.png)", "<https://d.example>", "https://e.example/f",
            "[x](javascript:y)", "<div onclick=\"x\">", "<!--", "-->", "<script>", "&amp;", "&#0;", "- [ ] ", "\n===\n", "\n---\n",
            "\\\n", "  \n", "<br>", "\n# ", "\\(", "\\)", "\\[", "\\]", "\n\\[\n", "\n\\]\n", "$", "$$", "\n$$\n", "$x*y*z$",
            "真", "，", "「", "」", "**真，**她", "\u{3000}", "https://f.example/b真", "~a~", "```\t\n", "\n<style>", "\n<b>\n",
            "C:\\a\\_b", "\\\\a\\b", "<sub>", "</sub>", "\n> [!NOTE]\n", "[0][1](x)", "\u{fdd0}", "\u{fdef}", "\n\n  ```\n", "\n- a\n\n",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_only_known_tags(text in dense()) {
        checked(&render(&text));
        plain_title(&text);
    }

    #[test]
    fn any_link_leads_to_the_web_or_to_mail(target in "\\PC{0,12}|(https?:|mailto:|[a-z]{1,9}:)//?[a-c@:.\\\\/\u{202e}é%\\[\\]]{0,12}") {
        checked(&render(&format!("[x](<{target}>) <{target}> {target} ![y]({target})")));
    }

    #[test]
    fn a_streamed_text_ends_as_the_stored_one(text in dense(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        // Definitions of links are the exception that `Blocks` names.
        let text = text.replace("]:", "] :");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len() + 1))).collect();
        cuts.sort_unstable();
        prop_assert_eq!(streamed(&text, cuts), markdown::render(&text));
        prop_assert_eq!(streamed(&text, every_cut(&text)), markdown::render(&text));
    }

    #[test]
    fn any_code_keeps_its_text(code in "([a-z(){}\"'/*#<>&;$@!`\\\\ \n\u{e9}-]|\\PC){0,60}") {
        let languages = ["rust", "js", "python", "html", "bash", "json", "css", "sql", "lua", "php", "diff", "yaml", "c", "ruby"];
        for language in languages {
            let html = highlight::code(language, &code);
            prop_assert_eq!(html.map(|html| checked(&html)), Some(code.clone()));
        }
    }
}
