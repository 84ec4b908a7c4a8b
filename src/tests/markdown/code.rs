//! Code: its colours, and that they change nothing else.

use super::{
    SOON,
    scanner::{checked, unescape},
};
use crate::markdown::{is_unfinished, render};
use crate::server::highlight;
use std::time::Instant;

#[test]
fn code_is_coloured_by_what_it_is() {
    for (language, code, coloured) in [
        (
            "rust",
            "fn f<'a>() { \"<b>\\\"\"; 'b'; 1_0.5 }",
            "k:fn f:f o:< a:'a o:> p:() { s:\"<b>\\\"\" p:; s:'b' p:; n:1_0.5 p:}",
        ),
        ("rust", "#[test] /* a\n*/ Vec::new!(self)", "a:#[test] c:/* a\n*/ t:Vec o::: f:new o:! p:( n:self p:)"),
        ("js", "let a = /[/\\/]/g; // b\nx /* c", "k:let o:= s:/[/ o:\\/ p:] o:/ p:; c:// b c:/* c"),
        ("tsx", "const f = `a ${b}` / 2 / c", "k:const o:= s:`a ${b}` o:/ n:2 o:/"),
        (
            "python",
            "@a\ndef f(x): # c\n  return f\"\"\"d\n\"\"\"",
            "a:@a k:def f:f p:( p:) o:: c:# c k:return s:f\"\"\"d\n\"\"\"",
        ),
        ("bash", "for f in $# ${a} 'b'; do # c", "k:for k:in a:$# ${a} s:'b' p:; k:do c:# c"),
        ("sql", "Select 'it''s' FROM a -- b", "k:Select s:'it''s' k:FROM c:-- b"),
        ("json", "{\"a\": [\"b\", 1, null]}", "p:{ a:\"a\" o:: p:[ s:\"b\" p:, n:1 p:, n:null p:]}"),
        ("yaml", "a-b: don't # c", "a:a-b o:: c:# c"),
        ("css", "@media a { b: 1px }", "k:@media a:a p:{ a:b o:: n:1px p:}"),
        ("diff", "--- a\n+b\n-c\n@@ d\n e", "h:--- a i:+b d:-c k:@@ d"),
        ("html", "<!-- a --><a b=\"c\">d</a>", "c:<!-- a --> p:< t:a a:b o:= s:\"c\" p:> p:</ t:a p:>"),
        ("html", "<script>x /* y</script>1 < 2", "p:< t:script p:> c:/* y p:</ t:script p:>"),
    ] {
        let html = highlight::code(language, code).unwrap();
        let spans: Vec<String> = (html.split("<span class=\"").skip(1))
            .map(|span| span.split_once("</span>").unwrap().0.replace("\">", ":"))
            .map(|span| unescape(span.trim_end()))
            .collect();
        assert_eq!(spans.join(" "), coloured, "{html}");
    }
}

#[test]
fn code_in_an_unknown_language_has_no_colours() {
    for known in ["Rust", "py", "javascript", "ts", "tsx", "c++", "bash", "console", "json", "sql", "toml", "go", "c#"]
    {
        assert!(highlight::code(known, "x = 1\n").is_some(), "{known}");
    }
    for unknown in ["", "klingon", "text", "mermaid", "rust js"] {
        assert_eq!(highlight::code(unknown, "x"), None);
    }
    assert_eq!(highlight::code("rust", &"x\n".repeat(40_000)), None);
}

#[test]
fn a8_no_code_takes_long() {
    let started = Instant::now();
    for piece in [
        "x /*", "/", "=/", "\"", "'", "`", "r#\"", "<", "<a b='", "<!--", "<script>", "${", "#[", "@", "a ", "\\",
        "((", "1.", "é", "\n",
    ] {
        for language in
            ["rust", "js", "php", "python", "ruby", "bash", "html", "css", "yaml", "diff", "lua", "haskell", "c"]
        {
            let code = piece.repeat(4_000 / piece.len());
            assert_eq!(checked(&highlight::code(language, &code).unwrap()), code);
        }
    }
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[test]
fn colours_change_nothing_but_the_colour() {
    let text = "a\n\n```rust\nfn a() -> &'static str { \"<b>\\n\" }\n```\n\n- b\n\n  ```html\n  <p title='x'>é</p>\n  ```\n\n~~~\nc\n~~~";
    assert_ne!(highlight::render(text), render(text));
    assert_eq!(checked(&highlight::render(text)), checked(&render(text)));
    assert!(is_unfinished(text) && is_unfinished("- ~~~ python\n") && is_unfinished("1. > ````js\n"));
    assert!(!is_unfinished("a ```") && !is_unfinished("```\nx\n```") && !is_unfinished("`x`"));
}
