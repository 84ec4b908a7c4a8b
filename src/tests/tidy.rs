//! The rules of the house that a machine can check.

use std::path::{Path, PathBuf};

pub(super) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every line of every source file that breaks `rule`.
fn breaks(folder: &str, rule: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources(&root().join(folder)) {
        let name = path.strip_prefix(root()).unwrap();
        for (number, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            if rule(name, line) {
                found.push(format!("{}:{}: {}", name.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

/// Features that are no half of the crate, and how often each may be asked for: where the app's files are, and whether the
/// browser's code is one file or several, which is cargo-leptos' flag `--split` and nothing that lib.rs could decide.
const GATES: [(&str, usize); 2] = [("feature = \"embed\"", 2), ("feature = \"split\"", 7)];

#[test]
fn the_server_browser_split_is_made_in_lib_rs_alone() {
    let gate = |name: &Path, line: &str| {
        let gate = line.contains("cfg(feature") || line.contains("cfg_attr(") || line.contains("feature = \"ssr\"");
        gate && name != Path::new("src/lib.rs") && !name.ends_with("tidy.rs")
    };
    let (known, other): (Vec<_>, Vec<_>) =
        breaks("src", gate).into_iter().partition(|line| GATES.iter().any(|(feature, _)| line.contains(feature)));
    assert_eq!(other, Vec::<String>::new());
    for (feature, count) in GATES {
        assert_eq!(known.iter().filter(|line| line.contains(feature)).count(), count, "{known:#?}");
    }
}

#[test]
fn components_do_not_touch_the_server() {
    let touches = |name: &Path, line: &str| {
        let drawn = name.starts_with("src/ui") || name.starts_with("src/browser") || name.ends_with("app.rs");
        drawn && !name.starts_with("src/tests") && line.contains("crate::server")
    };
    assert_eq!(breaks("src", touches), Vec::<String>::new());
}

#[test]
fn the_server_does_not_know_the_pages() {
    let knows = |name: &Path, line: &str| {
        name.starts_with("src/server") && (line.contains("crate::ui") || line.contains("crate::app"))
    };
    assert_eq!(breaks("src", knows), Vec::<String>::new());
}

#[test]
fn nothing_is_silenced_or_left_for_later() {
    let soft = |name: &Path, line: &str| {
        let words = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore", "#[allow("];
        !name.ends_with("tidy.rs") && words.iter().any(|word| line.contains(word))
    };
    for folder in ["src", "examples"] {
        assert_eq!(breaks(folder, soft), Vec::<String>::new());
    }
}

/// Words that CONTRIBUTING.md ("Words") replaces by a term of the field, as they stand in a comment in lower case.
const VAGUE_WORDS: [&str; 3] = ["whoever", "nobody in particular", "so many"];

/// The comment in a line of Rust. `//` in a string counts only after a blank, so that addresses are not comments.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("//").or_else(|| line.split_once(" // ").map(|(_, comment)| comment))
}

#[test]
fn comments_use_plain_words() {
    let is_vague = |line: &str| {
        let Some(comment) = comment(line) else { return false };
        let without_subject = comment.starts_with("/ The same");
        without_subject || VAGUE_WORDS.iter().any(|word| comment.to_lowercase().contains(word))
    };
    assert!(is_vague("    /// The same, with a limit.") && is_vague("let a = 1; // Whoever asks."));
    assert!(!is_vague("let whoever = \"http://whoever\";") && !is_vague("/// Two calls with the same key."));
    for folder in ["src", "benches", "examples"] {
        let found = breaks(folder, |name, line| !name.ends_with("tidy.rs") && is_vague(line));
        assert_eq!(found, Vec::<String>::new());
    }
}

#[test]
fn a_file_is_one_idea() {
    let long = |path: &PathBuf| 400 < std::fs::read_to_string(path).unwrap().lines().count();
    let files: Vec<_> = sources(&root().join("src")).into_iter().filter(long).collect();
    assert_eq!(files, Vec::<PathBuf>::new(), "longer than 400 lines");
}

/// The values that a declaration consists of: what stands in parentheses is one.
fn values(declaration: &str) -> Vec<String> {
    let (mut values, mut depth) = (vec![String::new()], 0);
    for c in declaration.trim().trim_end_matches(';').chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        match (c, depth, values.last_mut()) {
            (' ', 0, _) => values.push(String::new()),
            (_, _, Some(value)) => value.push(c),
            _ => {}
        }
    }
    values
}

#[test]
fn z20_styles_name_the_sides_of_the_text_and_not_of_the_screen() {
    let is_physical = |line: &str| {
        let Some((name, value)) = line.trim().split_once(": ") else { return false };
        let (first, last) = name.split_once('-').unwrap_or((name, ""));
        match first {
            "left" | "right" => true,
            "margin" | "padding" | "border" if last.starts_with("left") || last.starts_with("right") => true,
            "margin" | "padding" | "inset" => matches!(&values(value)[..], [_, right, _, left] if right != left),
            "text" if last == "align" => value.starts_with("left") || value.starts_with("right"),
            _ => false,
        }
    };
    assert!(is_physical("  padding: 0 calc(1rem + 2px) 0 0;") && !is_physical("  inset: auto calc(1rem * 2) 0;"));
    let sheets = std::fs::read_dir(root().join("style")).unwrap().map(|entry| entry.unwrap().path());
    let more = ["panels.css", "print.css", "sheet.css"].map(|name| root().join("public").join(name));
    for path in sheets.chain(more) {
        let text = std::fs::read_to_string(&path).unwrap();
        let found: Vec<_> = text.lines().filter(|line| is_physical(line)).collect();
        assert_eq!(found, Vec::<&str>::new(), "{}", path.display());
    }
}

/// The rows of the attack checklist that a test's name begins with: `a26_a32_…` is about two.
fn rows_in(line: &str) -> Vec<u32> {
    let Some((_, name)) = line.split_once("fn ") else { return Vec::new() };
    let numbers = name.split('_').map_while(|part| {
        let (kind, number) = part.split_at_checked(1)?;
        number.parse::<u32>().ok().filter(|_| kind == "a" || kind == "f").map(|number| (kind == "a", number))
    });
    numbers.filter(|(is_attack, _)| *is_attack).map(|(_, number)| number).collect()
}

#[test]
fn every_row_of_the_attack_checklist_is_tested_or_has_its_reason() {
    let mut tested = std::collections::BTreeSet::new();
    for path in sources(&root().join("src")) {
        tested.extend(std::fs::read_to_string(path).unwrap().lines().flat_map(rows_in));
    }
    let table = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let rows: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| A")).collect();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let number = cells[0].parse::<u32>().unwrap();
        assert_eq!(number as usize, index + 1, "the rows are in order");
        assert!(cells[2] != "tested" || tested.contains(&number), "A{number} has no test that is named by it");
        assert!(!cells[2].is_empty(), "A{number} has neither a test nor a reason");
    }
    assert_eq!(rows.len(), 68);
}
