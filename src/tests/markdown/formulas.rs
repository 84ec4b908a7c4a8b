//! Formulas as the server sets them: what is set, what stays TeX, and that nothing else comes with them.

use super::{SOON, scanner::checked};
use crate::markdown::{Finish, is_unfinished, render};
use crate::server::{formula, highlight};
use proptest::prelude::*;
use std::path::Path;
use std::time::Instant;

/// Formulas of ordinary lectures and of models' answers, one in each line.
fn lectures() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/cases/formulas.txt");
    std::fs::read_to_string(path).unwrap()
}

/// Those of them that stay TeX: chemistry, physicists' and units' packages, invisible parts, and definitions.
const UNSET: [&str; 6] = [
    r"\[\ce{2H2 + O2 -> 2H2O}\]",
    r"\[\def\R{\mathbb{R}} x \in \R\]",
    r"\[\newcommand{\abs}[1]{|#1|} \abs{x}\]",
    r"\[\phantom{x} + \mathstrut y \hspace{1em} z\]",
    r"\[\dv{f}{x} + \qty(\frac{1}{2})\]",
    r"\[\SI{9.81}{\metre\per\second\squared}\]",
];

#[test]
fn z25_the_formulas_of_lectures_are_set_and_keep_their_tex() {
    let lectures = lectures();
    assert!(lectures.lines().count() > 200);
    let mut unset = Vec::new();
    for formula in lectures.lines() {
        let text = format!("Since {formula} holds, *so* does this.");
        let html = highlight::render(&text);
        assert!(checked(&html).contains(formula), "{html}");
        assert!(is_unfinished(&text), "{formula}");
        match html.contains("<math") {
            true => assert_eq!(html.matches("<em>").count(), 1, "{html}"),
            false => {
                assert_eq!(html, render(&text));
                unset.push(formula);
            }
        }
    }
    assert_eq!(unset, UNSET);
}

#[test]
fn z25_a_formula_is_set_wherever_text_may_stand() {
    let set = formula::set(r"\(a_1\)").unwrap();
    for (text, html) in [
        (r"\(a_1\)", format!(r#"<p dir="auto">{set}</p>"#)),
        (r"b\(a_1\)c\(a_1\)", format!(r#"<p dir="auto">b{set}c{set}</p>"#)),
        (r"~ 字**「\(a_1\)」**字", format!(r#"<p dir="auto">~ 字<strong>「{set}」</strong>字</p>"#)),
        (r"# \(a_1\)", format!(r#"<h3 dir="auto">{set}</h3>"#)),
        (r"- **\(a_1\)**", format!(r#"<ul dir="auto"><li><strong>{set}</strong></li></ul>"#)),
        (r"`a` C:\b\c \(a_1\)", format!(r#"<p dir="auto"><code dir="ltr">a</code> C:\b\c {set}</p>"#)),
        (r"[a](x) \(a_1\)", format!(r#"<p dir="auto">[a](x) {set}</p>"#)),
    ] {
        assert_eq!(highlight::render(text), html);
        checked(&html);
    }
    assert!(highlight::render("|b|\n|-|\n|\\(a_1\\)|").contains(&format!("<td>{set}</td>")));
    let lines = formula::set("\\[\na\n+ b\n\\]").unwrap();
    assert_eq!(
        highlight::render("> \\[\n> a\n> + b\n> \\]"),
        format!(r#"<blockquote dir="auto"><p>{lines}</p></blockquote>"#)
    );
    assert_eq!(highlight::render("- \\[\n  a\n  + b\n  \\]"), format!(r#"<ul dir="auto"><li>{lines}</li></ul>"#));
}

#[test]
fn z25_what_is_set_says_what_was_written() {
    let html = formula::set(r"\[a < b \& \frac{1}{2}\]").unwrap();
    assert_eq!(
        html,
        concat!(
            r#"<span class="formula block" dir="ltr" tabindex="0" role="group" aria-label="Formula">"#,
            r#"<span class="tex" aria-hidden="true">\[a &lt; b \&amp; \frac{1}{2}\]</span>"#,
            r#"<math display="block"><mi>a</mi><mo>&lt;</mo><mi>b</mi><mi>&amp;</mi>"#,
            "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac></math></span>"
        )
    );
    assert!(formula::set(r"$\boxed{42}$").unwrap().contains(r#"class="boxed""#));
    assert!(formula::set(r"\[x \tag{1}\]").unwrap().contains("<mn>1</mn>"));
    assert!(formula::set(r"$a\!b$").unwrap().contains(r#"class="tight""#));
}

#[test]
fn a5_a_formula_brings_nothing_but_mathml() {
    for tex in [
        r"\operatorname{<script>alert(1)</script>}",
        r"\operatorname{<mi href=x>}",
        r"\operatorname{</math><img src=x onerror=alert(1)>}",
        r"\operatorname{a<mi>b</mi>}",
        r"\text{<img src=x onerror=alert(1)>}",
        r#"\text{" onclick="alert(1)}"#,
        r"\href{javascript:alert(1)}{x}",
        r"\url{https://evil.example}",
        r"\includegraphics{https://evil.example/a.png}",
        r"\class{copy}{x}",
        r"\style{position:fixed}{x}",
        r"\html{<b>}",
        r"\unicode{x3c}",
        r"\char60 \char38 script",
        r"\color{red}{x}",
        r"\hspace{1e30em}",
        r"\error",
    ] {
        let text = format!("\\({tex}\\)");
        let html = highlight::render(&text);
        assert!(checked(&html).starts_with(&text), "{html}");
        match html.split_once("<math") {
            Some((_, math)) => assert!(!math.contains("style=\"") && !math.contains("href=\""), "{html}"),
            None => assert_eq!(html, render(&text)),
        }
    }
}

/// Each try is a thread, so those that fail are counted as well.
#[test]
fn a8_formulas_that_cannot_be_set_are_tried_a_limited_number_of_times() {
    let tried = |text: &str| {
        let colours = highlight::Colours::default();
        (0..100_000).position(|_| colours.formula(text).is_none() && !colours.may_set()).unwrap()
    };
    assert!((1_000..5_000).contains(&tried("$&$")), "{}", tried("$&$"));
    assert!((1_000..5_000).contains(&tried(r"\(\a\)")));
}

#[test]
fn a8_a_formula_that_is_too_much_stays_tex() {
    for tex in [
        "a".repeat(5_000),
        "{".repeat(100) + &"}".repeat(100),
        r"\left(".repeat(100) + &r"\right)".repeat(100),
        r"\def\a{\a\a}\a".to_owned(),
        r"\let\a\b".to_owned(),
        r"\sqrt".repeat(200) + "a",
    ] {
        assert_eq!(formula::set(&format!("\\({tex}\\)")), None, "{tex}");
    }
    for piece in [
        "a",
        "^",
        "_a",
        "a^b",
        "{",
        "}",
        "\\",
        "&",
        "\\\\",
        "\\sqrt",
        "\\hat",
        "\\not",
        "\\left(",
        "\\begin{matrix}",
        "\\frac",
        "%",
        "\\over",
        "\\text",
        "\\boxed{",
        "\\tag",
        "\\mathbf",
        "\\displaystyle",
        "\\operatorname{",
        "'",
        "\\limits",
        "\\big",
    ] {
        let text = format!("\\[{}\\]\n\n", piece.repeat(4_000 / piece.len())).repeat(25);
        let started = Instant::now();
        checked(&highlight::render(&text));
        assert!(started.elapsed() < SOON, "{:?} for {piece:?}", started.elapsed());
    }
    let text = r"\(a^a\) ".repeat(50_000);
    assert!(highlight::render(&text).len() < (8 << 20), "a page has only so many");
}

/// What TeX is made of.
fn tex() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-c0-9 {}^_&'%#~<>\"$|()\\[\\]+=*,.-]{1,4}",
        6 => prop::sample::select(vec![
            "\\frac", "\\sqrt", "\\sqrt[", "\\left", "\\right", "\\begin{array}{c|c}", "\\end{array}", "\\begin{align}", "\\end{align}",
            "\\begin{cases}", "\\end{cases}", "\\begin{pmatrix}", "\\end{pmatrix}", "\\text{", "\\operatorname{", "\\operatorname*{",
            "\\sum", "\\limits", "\\\\", "\\\\[1em]", "\\hline", "\\not", "\\mathbb", "\\mathrm{", "\\hat", "\\overset{", "\\color{red}",
            "\\fcolorbox{red}{blue}{", "\\substack{", "\\kern1em", "\\hspace{-1em}", "\\big", "\\middle|", "\\char", "\\over", "\\boxed{",
            "\\tag{", "\\label{", "\\displaystyle", "\\nonumber", "\\lt", "\\&", "\\%", "\\,", "\\!", "{", "}", "}{", "^{", "_{", "&",
        ]).prop_map(str::to_owned),
        1 => "\\PC{1,3}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn z25_any_tex_is_set_from_known_tags_or_stays(tex in tex()) {
        for formula in [format!("\\({tex}\\)"), format!("\\[{tex}\\]"), format!("${tex}$")] {
            if let Some(html) = formula::set(&formula) {
                let seen = checked(&html);
                prop_assert!(seen.starts_with(&formula.replace('\0', "\u{fffd}")), "{seen}");
            }
        }
        checked(&highlight::render(&format!("a \\({tex}\\) b ${tex}$\n\n- \\[{tex}\\] c")));
    }
}
