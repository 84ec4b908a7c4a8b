//! Markdown: what it looks like, what it never lets through, and that a streamed text ends up as the stored one.
//! Names that start with a row of the security matrix (`a2_`) hold that row.

mod code;
mod formulas;
mod growth;
mod random;
mod readers;
mod scanner;

use crate::markdown::{Blocks, MAX_RENDER_BYTES, plain_title, render};
use crate::server::highlight;
use scanner::{checked, roots, unescape};
use std::time::{Duration, Instant};

/// Generous for a debug build on a busy machine, hopeless for anything quadratic.
const SOON: Duration = Duration::from_secs(10);

/// The text that a reader sees.
fn shown(text: &str) -> String {
    checked(&render(text))
}

/// What stands on the page after `text` came in pieces that end at `cuts`.
fn streamed(text: &str, cuts: impl IntoIterator<Item = usize>) -> String {
    let mut blocks = Blocks::default();
    let mut finished = Vec::new();
    for cut in cuts.into_iter().chain([text.len()]) {
        blocks.update(&text[..cut]);
        assert!(blocks.finished.starts_with(&finished), "a finished block changed in {text:?}");
        // The browser counts them (`ui/prose`).
        assert!(blocks.finished.iter().all(|block| roots(block) == 1), "a block of {text:?} is not one element");
        checked(&blocks.open);
        finished.clone_from(&blocks.finished);
    }
    blocks.finish();
    finished.iter().map(AsRef::as_ref).chain([blocks.open.as_str()]).collect()
}

fn every_cut(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, _)| at)
}

#[test]
fn a1_raw_html_is_text_also_in_one_byte_pieces() {
    let attack = "<img src=x onerror=alert(1)>";
    for text in [attack.to_owned(), format!("so {attack} then"), format!("- {attack}\n\n> <b>{attack}</b>")] {
        assert!(shown(&text).contains(attack));
        assert_eq!(streamed(&text, every_cut(&text)), render(&text));
    }
}

#[test]
fn a2_a_javascript_link_is_text() {
    for target in [
        "javascript:alert(1)",
        "JaVaScRiPt&#58;alert(1)",
        "&#106;avascript&colon;alert(1)",
        "<\tjavascript:alert(1)>",
        "<java&#10;script:alert(1)>",
        "data:text/html,<b>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "/settings",
        "#top",
        "https:evil.example",
        "https:/evil.example",
        "https://bank.example@evil.example",
        "https://bank.example\\\\@evil.example",
        "https://%65vil.example",
        "http://",
        "mailto:",
    ] {
        for text in [format!("[x]({target})"), format!("![x]({target})"), format!("[x]\n\n[x]: {target}")] {
            assert!(!render(&text).contains("<a "), "{text:?} gave {}", render(&text));
        }
    }
    assert_eq!(shown("<javascript:alert(1)>"), "<javascript:alert(1)>");
}

#[test]
fn a3_an_image_is_a_link_that_names_its_host() {
    let link = r#"<p dir="auto"><a class="image-link" href="https://evil.example/?q=secret" rel="noopener noreferrer nofollow" target="_blank" title="evil.example">a <span class="host">evil.example</span></a></p>"#;
    assert_eq!(render("![a](https://evil.example/?q=secret)"), link);
    assert_eq!(render("![a][r]\n\n[r]: https://evil.example/?q=secret"), link);
    assert_eq!(shown("![](https://evil.example/)"), "Image evil.example");
    assert_eq!(shown("![a *b* `c`](data:image/png;base64,x)"), "a b c");
    assert_eq!(shown("[![badge](https://a.example/b.svg)](https://c.example)"), "badge");
    assert_eq!(shown("![a [b](https://c.example) ![d](https://e.example)](/f)"), "a b d");
    assert_eq!(shown("[<https://a.example> b](https://c.example) d"), "https://a.example b c.example d");
}

#[test]
fn a4_a_link_shows_its_host_in_ascii() {
    assert_eq!(shown("<https://аpple.example/x>"), "https://xn--pple-43d.example/x");
    assert_eq!(shown("see https://münchen.example."), "see https://xn--mnchen-3ya.example.");
    assert_eq!(shown("<https://bücher.日本語.example>"), "https://xn--bcher-kva.xn--wgv71a119e.example");
    let hidden = "https://evil\u{202e}\u{200b}\u{e0041}.example/\u{2066}moc";
    assert_eq!(shown(&format!("<{hidden}>")), "https://evil.example/moc");
    assert!(render(&format!("[x]({hidden})")).contains(r#"href="https://evil.example/moc""#));
    assert_eq!(shown("[https://bank.example](https://evil.example/)"), "https://bank.example evil.example");
    assert_eq!(shown("[bank.com/evil.example](https://evil.example/)"), "bank.com/evil.example evil.example");
    assert_eq!(shown("[www.bank.com](https://bank.com/)"), "www.bank.com");
    assert_eq!(shown("[](https://empty.example:8080/x)"), "empty.example:8080");
}

#[test]
fn a5_svg_and_mathml_are_text() {
    for text in [
        r#""><svg onload=alert(1)>"#,
        "<svg><set attributeName=href to=javascript:alert(1)>",
        "<math><annotation-xml encoding='text/html'><img src=x></annotation-xml></math>",
        "<iframe srcdoc='&lt;script>'>",
    ] {
        assert!(shown(text).contains(&text.replace("&lt;", "<")) || shown(text).contains(text), "{}", render(text));
    }
    assert_eq!(shown("a<br>b<BR/>c<br onclick=x>"), "abc<br onclick=x>");
}

#[test]
fn a6_a_fence_of_any_language_is_code() {
    for language in ["mermaid", "html", "svg", "vega", "math"] {
        let body = "<script>alert(1)</script>\n$\\href{javascript:alert(1)}{x}$\n";
        let html = highlight::render(&format!("```{language}\n{body}```"));
        assert!(html.starts_with(r#"<figure class="code" dir="ltr"><figcaption><span>"#));
        assert_eq!(checked(&html), format!("{language}WrapDownloadCopy{body}"));
    }
    assert_eq!(shown("```\"><svg/onload=x>\n```"), "WrapDownloadCopy");
    assert_eq!(shown("```a-very-long-name-that-is-no-language\n```"), "WrapDownloadCopy");
    assert_eq!(shown("$\\href{javascript:alert(1)}{x}$"), "$\\href{javascript:alert(1)}{x}$");
}

#[test]
fn a7_quotes_cannot_leave_an_attribute() {
    for text in [
        r#"![" onerror="alert(1)](https://x.example/" onload="y)"#,
        r#"[a](https://x.example/"onclick='b' "' onclick=alert(1)")"#,
        r#"<https://x.example/"onclick=alert(1)>"#,
        r#"https://x.example/"onclick='alert(1)'"#,
        "```\" onclick=x\n```",
    ] {
        checked(&render(text));
        assert_eq!(streamed(text, every_cut(text)), render(text));
    }
}

#[test]
fn a8_no_text_takes_long() {
    let wide = |columns: usize| "|a".repeat(columns) + "\n" + &"|-".repeat(columns) + "\n" + &"|a\n".repeat(260) + "\n";
    let texts = [
        ">".repeat(10_000) + "a\n" + &"b\n".repeat(10_000),
        "1. ".repeat(10_000) + "a\n" + &"b\n".repeat(10_000),
        (0..300).map(|depth| " ".repeat(2 * depth) + "- a\n").collect(),
        "1. ".repeat(49) + "|a|\n" + &" ".repeat(147) + "|-|\n",
        "[".repeat(10_000),
        "[a](".repeat(10_000),
        "![".repeat(10_000) + &"](https://a.example)".repeat(1000),
        "*".repeat(1_000_000),
        "*a _b ".repeat(10_000) + &"b_ a* ".repeat(10_000),
        "http://".repeat(20_000),
        "https://a.example/".to_owned() + &"(".repeat(20_000) + &")".repeat(20_000),
        "| a | b |\n|---|---|\n".to_owned() + &"| 1 | 2 |\n".repeat(100_000),
        wide(1000).repeat(20),
        "```rust\n".to_owned() + &"let a = 1;\n".repeat(500_000),
        "a\u{301}\u{302}".repeat(100_000),
    ];
    for text in texts {
        let started = Instant::now();
        let html = highlight::render(&text);
        assert!(started.elapsed() < SOON, "{:?} for {:?}", started.elapsed(), &text[..20]);
        assert!(html.len() < 64 * text.len() + 4096);
        checked(&html);
    }
}

#[test]
fn a8_what_is_too_dear_is_shown_as_it_stands() {
    let deep = ">".repeat(101) + " <b>";
    let expected = format!(r#"<pre class="plain" dir="auto">{}&lt;b&gt;</pre>"#, "&gt;".repeat(101) + " ");
    assert_eq!(render(&deep), expected);
    assert_eq!(streamed(&format!("*a*\n\n{deep}"), [2, 5, 50]), render(&format!("*a*\n\n{deep}")));
    let long = "a".repeat(MAX_RENDER_BYTES + 1);
    assert_eq!(shown(&long), long);
    assert!(render(&long[1..]).starts_with("<p"));
}

#[test]
fn a8_a_long_code_block_streams_in_good_time() {
    let text = "```rust\n".to_owned() + &"    let stream = \"current\";\n".repeat(7_000);
    let started = Instant::now();
    let mut blocks = Blocks::default();
    for end in (0..text.len()).step_by(20).chain([text.len()]) {
        blocks.update(&text[..end]);
    }
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!(blocks.open, render(&text));
}

#[test]
fn a9_nothing_leaves_a_script_that_carries_it() {
    for text in ["</script><script>alert(1)</script>", "a <!-- b", "]]>", "a\u{2028}b\u{2029}c", "`</script>`"] {
        let html = render(text);
        assert!(!html.contains("</script") && !html.contains("<!--") && !html.contains("]]>"));
        assert_eq!(shown(text), text.trim_matches('`'));
    }
}

#[test]
fn a10_a_title_is_plain_text_of_one_line() {
    assert_eq!(plain_title("\n\n## How do *I* `sort`\ta  [list](https://a.example)?\nmore"), "How do I sort a list?");
    assert_eq!(plain_title("```rust\nfn main() {}\n```"), "fn main() {}");
    assert_eq!(plain_title("- [ ] 1. > snake_case stays"), "1. > snake_case stays");
    assert_eq!(plain_title("</title><script>"), "</title><script>");
    assert_eq!(plain_title("a\u{202e}b\0c\u{7}d\u{e0041}"), "abcd");
    assert_eq!(plain_title("می\u{200c}خواهم 👩\u{200d}💻"), "می\u{200c}خواهم 👩\u{200d}💻");
    assert_eq!(plain_title("***"), "***");
    assert_eq!(plain_title(" \u{200b}\n"), "");
    let long = plain_title("Please explain the difference between a journal, a log and a write-ahead log");
    assert_eq!(long, "Please explain the difference between a journal, a log and…");
    assert_eq!(plain_title(&"漢".repeat(100)).chars().count(), 60);
}

#[test]
fn a12_odd_characters_stay_what_they_are() {
    assert_eq!(shown("a\0b"), "a\u{fffd}b");
    assert_eq!(shown("`a\0b`"), "a\u{fffd}b");
    for text in ["👩‍👩‍👧‍👦", "a\u{202e}b\u{2066}c", "z\u{301}\u{302}\u{303}"] {
        assert_eq!(shown(text), text);
    }
    assert_eq!(render("a\r\nb\rc"), render("a\nb\nc"));
    assert_eq!(streamed("a\r\n\r\nb", 0..6), render("a\n\nb"));
    let zalgo = "z".to_owned() + &"\u{301}".repeat(5_000_000);
    assert_eq!(shown(&zalgo), zalgo);
}

#[test]
fn markdown_becomes_html_that_fits_the_page() {
    for (text, html) in [
        (
            "# a\n## b\n### c\n#### d",
            r#"<h3 dir="auto">a</h3><h4 dir="auto">b</h4><h5 dir="auto">c</h5><h6 dir="auto">d</h6>"#,
        ),
        (
            "**a** *b* ~~c~~ `d`",
            r#"<p dir="auto"><strong>a</strong> <em>b</em> <del>c</del> <code dir="ltr">d</code></p>"#,
        ),
        ("> a\n\n---", r#"<blockquote dir="auto"><p>a</p></blockquote><hr>"#),
        ("3. a\n4. b", r#"<ol start="3" dir="auto"><li>a</li><li>b</li></ol>"#),
        (
            "- [x] a\n- [ ] b",
            r#"<ul dir="auto"><li><input class="task" type="checkbox" disabled checked aria-label="Done"> a</li><li><input class="task" type="checkbox" disabled aria-label="To do"> b</li></ul>"#,
        ),
        (
            "|a|b|\n|-|-:|\n|1|2|",
            r#"<div class="table" tabindex="0" role="group" aria-label="Table" dir="auto"><table><thead><tr><th scope="col">a</th><th scope="col" class="right">b</th></tr></thead><tbody><tr><td>1</td><td class="right">2</td></tr></tbody></table></div>"#,
        ),
        (
            "So[^b] it[^1] is[^b].\n\n[^1]: One.\n[^b]: Two.",
            r#"<p dir="auto">So<sup class="note">1</sup> it<sup class="note">2</sup> is<sup class="note">1</sup>.</p><div class="footnote" dir="auto"><sup class="note">2</sup><p>One.</p></div><div class="footnote" dir="auto"><sup class="note">1</sup><p>Two.</p></div>"#,
        ),
        ("A claim[^1] without its note.", r#"<p dir="auto">A claim[^1] without its note.</p>"#),
        (
            "```c++ main.cpp\na < b\n```",
            r#"<figure class="code" dir="ltr"><figcaption><span>c++</span><button type="button" class="copy" data-wrap aria-pressed="false">Wrap</button><button type="button" class="copy" data-save>Download</button><button type="button" class="copy" data-copy>Copy</button></figcaption><pre tabindex="0"><code>a &lt; b
</code></pre></figure>"#,
        ),
        (
            "[a](https://b.example/c \"d\")",
            r#"<p dir="auto"><a href="https://b.example/c" rel="noopener noreferrer nofollow" target="_blank" title="b.example">a</a></p>"#,
        ),
        (
            "<me@a.example>",
            r#"<p dir="auto"><a href="mailto:me@a.example" rel="noopener noreferrer nofollow" target="_blank" dir="ltr">me@a.example</a></p>"#,
        ),
    ] {
        assert_eq!(render(text), html);
        checked(html);
    }
}

#[test]
fn z20_the_outermost_list_quote_or_table_chooses_the_direction_and_code_does_not_count() {
    for (text, html) in [
        ("- أول\n  - ثان", r#"<ul dir="auto"><li>أول<ul><li>ثان</li></ul></li></ul>"#),
        ("> أول\n>\n> # ثان", r#"<blockquote dir="auto"><p>أول</p><h3>ثان</h3></blockquote>"#),
        ("- أ\n\n  > ب", r#"<ul dir="auto"><li><p>أ</p><blockquote><p>ب</p></blockquote></li></ul>"#),
        ("- a\n\nب", r#"<ul dir="auto"><li>a</li></ul><p dir="auto">ب</p>"#),
        ("`git push` يرسل", r#"<p dir="auto"><code dir="ltr">git push</code> يرسل</p>"#),
    ] {
        assert_eq!(render(text), html);
        checked(html);
    }
    assert!(render("|أ|\n|-|\n|ب|").contains(r#" dir="auto"><table><thead><tr><th scope="col">أ</th>"#));
    assert!(render("- أ\n\n  |أ|\n  |-|\n  |ب|").contains(r#"aria-label="Table"><table>"#));
    assert!(render("2024. a").starts_with(r#"<ol start="2024" class="wide" dir="auto">"#));
    assert!(render("123456789. a").starts_with(r#"<ol start="123456789" class="widest" dir="auto">"#));
    assert!(render("```sh\nls\n```").starts_with(r#"<figure class="code" dir="ltr">"#));
}

#[test]
fn bare_addresses_become_links() {
    for (text, address) in [
        ("see https://a.example/b_c_d?e=f&g=h.", "https://a.example/b_c_d?e=f&g=h"),
        ("(https://a.example/b_(c))", "https://a.example/b_(c)"),
        ("**https://a.example**!", "https://a.example"),
        ("见https://a.example/b。", "https://a.example/b"),
        ("\"http://localhost:3000/\"", "http://localhost:3000/"),
        ("xhttps://a.example", ""),
        ("`https://a.example`", ""),
        ("[text](https://a.example/half", ""),
        ("https://", ""),
        ("http and https:", ""),
    ] {
        let html = render(text);
        let link = html.split_once("href=\"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(link, _)| link);
        assert_eq!(unescape(link), address, "{html}");
        assert_eq!(checked(&html), text.trim_matches(['*', '`']).replace("**", ""), "{html}");
    }
}

#[test]
fn a_line_that_could_be_anything_waits() {
    let mut blocks = Blocks::default();
    let mut open = |text: &str| {
        blocks.update(text);
        checked(&blocks.open)
    };
    assert_eq!(open("Steps:\n"), "Steps:");
    assert_eq!(open("Steps:\n-"), "Steps:");
    assert_eq!(open("Steps:\n- one"), "Steps:one");
    assert_eq!(open("Steps:\n- one\n\n``"), "one");
    assert_eq!(open("Steps:\n- one\n\n```ru"), "one");
    assert_eq!(open("Steps:\n- one\n\n```rust\nfn"), "rustWrapDownloadCopyfn");
    assert_eq!(open("Steps:\n- one\n\n```rust\nfn\n``"), "rustWrapDownloadCopyfn\n");
    assert_eq!(open("Steps:\n- one\n\n```rust\nfn\n```\n42"), "");
    blocks.finish();
    assert_eq!(checked(&blocks.open), "42");
    assert_eq!((blocks.finished.len(), blocks.life), (3, 0));
    blocks.update("Another text");
    assert_eq!((blocks.finished.len(), blocks.life), (0, 1));
}
