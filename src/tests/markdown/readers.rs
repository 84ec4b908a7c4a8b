//! Where readers need something else than CommonMark specifies: formulas, Chinese, Japanese and Korean, prices, tags,
//! link texts. The files of `cases/` are replies from public bug reports.

use super::{SOON, every_cut, scanner::checked, shown, streamed};
use crate::markdown::{plain_title, render};
use std::path::Path;
use std::time::Instant;

/// The reply of a case: what follows the comment that describes it.
fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/tests/cases/markdown-{name}.md"));
    let text = std::fs::read_to_string(path).unwrap();
    text.split_once("follows this comment. -->\n").unwrap().1.to_owned()
}

/// The HTML of a text, which is also what it streams into.
fn html(text: &str) -> String {
    let html = render(text);
    checked(&html);
    assert_eq!(streamed(text, every_cut(text)), html, "streamed: {text:?}");
    html
}

fn p(inner: &str) -> String {
    format!(r#"<p dir="auto">{inner}</p>"#)
}

#[test]
fn z25_a_formula_is_kept_as_it_is_written() {
    for name in ["M03a", "M03b", "M03c", "M03d"] {
        let text = case(name);
        assert_eq!(checked(&html(&text)), text, "{name}");
        assert!(!render(&text).contains("<em>"), "{name}");
    }
    for text in [
        "Let $a_{i}*b_{j}*c$ and $x*y*z$ be $n$th, $A^*$.",
        "\\[\nx = a\n+ b\n- c\n=\n# d\n> e\n1. f\n\\begin{x} *g* \\\\\n\\]",
        "$$\na \\\\\n*b* = *c*\n$$",
        "$$a \\text{ if $x*y*z$}$$ and \\(\\{*a* \\| *b*\\}\\)",
        "\\(a\n*b*\\) c",
        "Text\n\\[\na  \nb\n\\]\nmore",
    ] {
        assert_eq!(checked(&html(text)), text);
        assert!(!render(text).contains("<em>") && render(text).starts_with("<p"), "{}", render(text));
    }
    assert_eq!(html("- \\[\n  a\n  - *b*\n  \\]\n- c"), "<ul dir=\"auto\"><li>\\[\na\n- *b*\n\\]</li><li>c</li></ul>");
    assert_eq!(
        html("> \\[\n> *a*\n> > b\n> \\]"),
        "<blockquote dir=\"auto\"><p>\\[\n*a*\n&gt; b\n\\]</p></blockquote>"
    );
    assert!(html("|a|b|\n|-|-|\n|$x*y*z$|\\(a\\|b\\)|").contains(">$x*y*z$</td>"));
    assert_eq!(plain_title("What is \\(E=mc^2\\) and $a*b*c$?"), "What is \\(E=mc^2\\) and $a*b*c$?");
}

#[test]
fn z25_money_code_and_what_is_not_closed_are_no_formulas() {
    assert_eq!(html("$5 for *this* and $6 for *that*"), p("$5 for <em>this</em> and $6 for <em>that</em>"));
    assert_eq!(html("*a* $5-$10 *b*"), p("<em>a</em> $5-$10 <em>b</em>"));
    assert_eq!(html("**$HOME** and **$PATH**"), p("<strong>$HOME</strong> and <strong>$PATH</strong>"));
    assert_eq!(html("\\$a*b*$"), p("$a<em>b</em>$"));
    assert_eq!(html("`$a` *b* `c$`"), p(r#"<code dir="ltr">$a</code> <em>b</em> <code dir="ltr">c$</code>"#));
    assert_eq!(html("\\(`a`\\)"), p(r#"(<code dir="ltr">a</code>)"#));
    assert_eq!(html("\\[ *a*"), p("[ <em>a</em>"));
    assert_eq!(html("\\[ *a*\n\n\\] *b*"), p("[ <em>a</em>") + &p("] <em>b</em>"));
    assert_eq!(html("# \\( *a*\n\\) b"), format!(r#"<h3 dir="auto">( <em>a</em></h3>{}"#, p(") b")));
    assert_eq!(html("- $$ *a*\n- $$"), "<ul dir=\"auto\"><li>$$ <em>a</em></li><li>$$</li></ul>");
    assert!(html("[a](https://b.example/$c$d) [e](https://f.example/\\(g\\))").contains("https://b.example/$c$d\""));
    assert!(html("```\n\\(a\\)\n$b$ *c*\n```").contains("\\(a\\)\n$b$ *c*\n</code>"));
    assert!(html("a\n\n    \\(a\\) $b$").contains(">\\(a\\) $b$</code>"));
}

#[test]
fn z25_no_formula_takes_long() {
    for piece in [
        "\\(", "\\[ a\n", "$$ a\n", "$a ", "$", "\\( `a`", "- \\(\n", "> $$\n", "\\\\a", "C:\\a\\", "~", "``` ", "字*",
        "<sub>", "<b\n",
    ] {
        let text = piece.repeat(100_000 / piece.len());
        let started = Instant::now();
        checked(&render(&text));
        assert!(started.elapsed() < SOON, "{:?} for {piece:?}", started.elapsed());
    }
}

#[test]
fn z26_emphasis_beside_cjk_punctuation_is_set() {
    for (name, expected) in [
        ("M01a", "<strong>真，</strong>她"),
        ("M01b", "含<strong>「重点」</strong>内容"),
        ("M01c", "<strong>重要提示（Important Notice）：</strong>请注意。"),
        ("M01d", "<strong>“공개 문서는 점검한다”</strong>는 원칙입니다."),
        ("M01f", "<strong>日本語の文章（括弧付き）。</strong>この文が続きます。"),
    ] {
        assert_eq!(html(&case(name)), p(expected));
    }
    assert_eq!(html("这是*「a」*和**\"b\"**的"), p("这是<em>「a」</em>和<strong>&quot;b&quot;</strong>的"));
    assert_eq!(html("这 **是** `**，` \\*真\\*"), p(r#"这 <strong>是</strong> <code dir="ltr">**，</code> *真*"#));
    assert_eq!(html("a**\"b\"**c"), p("a**&quot;b&quot;**c"), "elsewhere CommonMark's rule stays");
}

#[test]
fn z26_an_address_ends_at_a_cjk_letter() {
    let link = |address: &str| {
        format!(r#"<a href="{address}" rel="noopener noreferrer nofollow" target="_blank" dir="ltr">{address}</a>"#)
    };
    // Arguable, and decided for the link: in languages without blanks between words, none can be required before an
    // address.
    assert_eq!(html(&case("M06d")), p(&format!("中文{}英文", link("https://a.example"))));
    assert_eq!(html("見https://a.example/b?c=d、한글"), p(&format!("見{}、한글", link("https://a.example/b?c=d"))));
    assert!(
        html("<https://a.example/日本>").contains("href=\"https://a.example/%E6%97%A5%E6%9C%AC\""),
        "with marks it is whole"
    );
}

#[test]
fn z27_one_tilde_is_a_tilde() {
    assert_eq!(html(&case("M02e")), p("costs ~$120B (~$55–65B to the vendor)"));
    assert_eq!(html("~a *b~ c* ~~d~~ `~`"), p(r#"~a <em>b~ c</em> <del>d</del> <code dir="ltr">~</code>"#));
    assert!(html("https://a.example/~b and ~c").contains("href=\"https://a.example/~b\""));
}

#[test]
fn z27_what_is_no_link_shows_every_character() {
    for text in [
        "arr[0][1](x)",
        "f[*a*](x, y)",
        "vec![1](x)",
        "[docs](/docs \"d\")",
        "Vec<std::string>",
        "a[b](c\\_d)[e][f]",
        "[a][b]\n\n[b]: /c",
    ] {
        let seen = checked(&html(text));
        let text = text.split("\n\n").next().unwrap();
        assert_eq!(seen, text.replace('*', ""), "{}", render(text));
    }
    assert_eq!(shown("[x](javascript:alert(1))"), "[x](javascript:alert(1))");
    assert_eq!(shown("![a](data:image/png;base64,x)"), "a", "an image's text is what stands for it");
}

#[test]
fn z28_a_line_that_begins_with_a_tag_swallows_nothing() {
    assert_eq!(
        html(&case("M09b")),
        p("&lt;!-- note")
            + &p("<strong>Bold</strong> text and a list:")
            + r#"<ul dir="auto"><li>a</li><li>b</li></ul>"#
    );
    assert_eq!(
        html(&case("M09c")),
        p("&lt;style&gt; is the element for styles.")
            + r#"<h4 dir="auto">Next</h4><ul dir="auto"><li>a <strong>b</strong></li></ul>"#
    );
    assert_eq!(
        html(&case("M09d")),
        p("&lt;pre&gt; keeps blanks.") + r#"<ol dir="auto"><li>one</li><li><strong>two</strong></li></ol>"#
    );
    for tag in [
        "<div>",
        "</details>",
        "<?php",
        "<!DOCTYPE html>",
        "<![CDATA[",
        "<script>",
        "<table",
        "<x-y a='b'>",
        "<!-- a -->",
    ] {
        let seen = html(&format!("{tag}\n**a**\n\n- {tag}\n  **b**\n\n> {tag}\n> **c**"));
        assert_eq!(seen.matches("<strong>").count(), 3, "{seen}");
        assert_eq!(checked(&seen).matches(tag).count(), 3, "{seen}");
    }
    assert_eq!(html("<br>\na"), p("<br>\na"));
    assert!(html("<https://a.example>").starts_with(r#"<p dir="auto"><a "#));
}

#[test]
fn z28_a_closing_fence_may_have_tabs_behind_it() {
    let seen = html(&case("M22"));
    assert!(seen.ends_with(&format!("a\n</code></pre></figure>{}", p("After"))), "{seen}");
    for text in
        ["~~~\na\n~~~ \t \nb", "> ```\n> a\n> ```\t\n> b", "- ```\n  a\n  ```\t\n  b", "````\na\n```\t\n````\t\nb"]
    {
        assert!(html(text).contains("</figure>") && !html(text).ends_with("</figure>"), "{}", html(text));
    }
    // Lines that close nothing are read alike by the parser and by the block that grows.
    for text in ["a\n```rust\n-```\t\n", "```rust\n1. ```\t\nb", "```rust\n`~~~\t\n", "~~~\n~~```\t\nb", "```a\n*```\t"] {
        assert!(!html(text).is_empty());
    }
}

#[test]
fn z38_a_text_that_reads_as_another_host_has_the_real_one_beside_it() {
    for text in [
        "bank.co.uk",
        "https://bank.co.uk/login",
        "127.0.0.1",
        "127.0.0.1:80/x",
        "localhost:3000",
        "localhost",
        "银行.中国",
        "bank。com",
        "ｂａｎｋ．ｃｏｍ",
        "bank\u{2024}com",
        "bank\u{ff61}com",
        "bank\u{200b}.com",
        "Log in at bank.io, please",
        "(bank.com)",
        "bank.com/evil.example",
        "BANK.DE",
        "bank.xn--p1ai",
        "me@bank.com",
        "2001:db8::1",
        "*bank*.com",
        "evil.example@bank.com",
        "evil.example:8080",
        "evil.example,bank.com",
        "Node.js",
    ] {
        let seen = checked(&html(&format!("[{text}](https://evil.example/x)")));
        assert_eq!(seen, format!("{} evil.example", text.replace('*', "")));
    }
    for text in [
        "evil.example",
        "https://evil.example/index.html?a=b.c",
        "www.evil.example",
        "EVIL.example:443",
        "here",
        "a b, c.",
        "see evil.example/a.html for more",
        "and/or",
        "wait… what",
    ] {
        let seen = checked(&html(&format!("[{text}](https://evil.example:443/x)")));
        assert_eq!(seen, text);
    }
    assert_eq!(shown("[me@a.example](mailto:me@a.example)"), "me@a.example");
    assert_eq!(shown("[me@a.example](mailto:you@a.example)"), "me@a.example you@a.example");
}

/// Arguable: CommonMark closes the block at the first fence as long as the one that opened it, and so do we. Of two
/// fences without a word after them, the first may close what is inside or all of it; a wrong guess would take the rest
/// of the reply into the code, which is worse than a block that ends early.
#[test]
fn z28_nested_fences_of_one_length_are_commonmarks() {
    let seen = html(&case("M04"));
    assert!(seen.contains("```jsx\nrun()\n</code>") && seen.contains(&p("More.")), "{seen}");
}

/// Arguable, and shown as alerts: `[!NOTE]` is not text that a person would write or read.
#[test]
fn z28_an_alert_is_named() {
    assert_eq!(
        html(&case("M20")),
        r#"<blockquote dir="auto"><p><strong dir="ltr">Note</strong></p><p>Mind the gap.</p></blockquote>"#
    );
}

/// Arguable, and kept: what a person calls the path has the backslashes. Doubled ones were escaped by the model.
#[test]
fn z28_backslashes_of_windows_paths_stay() {
    let text = case("M28");
    assert_eq!(checked(&html(&text)), text);
    assert_eq!(shown("**C:\\Users\\_a\\*.txt** (D:\\[x])"), "C:\\Users\\_a\\*.txt (D:[x])");
    assert_eq!(shown("C:\\\\Users\\\\me and \\*a\\*"), "C:\\Users\\me and *a*");
}

/// Arguable, and set: these four have no marks in Markdown, no attribute is let through, and each has its end.
#[test]
fn z28_sub_sup_kbd_and_mark_are_set() {
    assert_eq!(html(&case("M32")), p("H<sub>2</sub>O and x<sup>2</sup>, press <kbd>Ctrl</kbd>"));
    for text in [
        "the <sub> element",
        "a</sub>",
        "<sub onclick=x>a</sub>",
        "*<sub>a*</sub>",
        "<sub>*a</sub>*",
        "<sub>a</sup>",
        "<SUB>a</SUB>",
        "|<sub>a|</sub>|\n|-|-|",
        "[<kbd>](https://a.example)</kbd>",
    ] {
        assert!(!["<sub>", "<sup>", "<kbd>"].iter().any(|tag| html(text).contains(tag)), "{}", html(text));
    }
    assert_eq!(html("<mark>*a* <sup>b</sup></mark>"), p("<mark><em>a</em> <sup>b</sup></mark>"));
}
