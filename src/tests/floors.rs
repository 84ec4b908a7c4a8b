//! Imports run downward: each room of the crate (a file or folder directly under `src` or `src/server`) is on a floor,
//! and imports only rooms of its own floor and of those below. Rooms never import each other in a circle.

use super::tidy::{root, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The lowest floor first. `server` is `server.rs` itself: the state.
const FLOORS: [(&str, &[&str]); 15] = [
    ("values", &["amount", "error", "model"]),
    ("events", &["event", "markdown"]),
    ("encodings", &["contract", "wire"]),
    (
        "ground",
        &[
            "address",
            "assets",
            "bounds",
            "drain",
            "highlight",
            "metrics",
            "passwords",
            "peer",
            "picture",
            "principal",
            "problem",
            "quota",
            "secret",
            "sync",
            "task",
            "times",
        ],
    ),
    ("truth", &["journal", "provider", "store"]),
    (
        "parts",
        &[
            "announce",
            "audience",
            "channels",
            "decoding",
            "drawing",
            "engine",
            "grants",
            "limits",
            "oidc",
            "prompt",
            "public",
            "readiness",
            "settings",
            "throttle",
        ],
    ),
    ("state", &["server"]),
    (
        "services",
        &[
            "accounts",
            "admin",
            "branches",
            "commands",
            "conversations",
            "export",
            "housekeeping",
            "images",
            "lists",
            "messages",
            "page_data",
            "revocation",
            "search",
            "session",
            "sharing",
            "usage",
            "versions",
        ],
    ),
    ("viewers", &["transport"]),
    ("doors", &["html", "routes", "serve", "start"]),
    ("functions", &["api"]),
    ("browser", &["browser"]),
    ("components", &["ui"]),
    ("pages", &["app"]),
    ("start", &["takeover"]),
];

fn floor(room: &str) -> usize {
    let found = FLOORS.iter().position(|(_, rooms)| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("the room `{room}` is on no floor: add it to FLOORS"))
}

/// The room that a file is in; none for `lib.rs` and `main.rs`, which join them.
fn room(file: &Path) -> Option<String> {
    let path = file.strip_prefix(root().join("src")).unwrap().with_extension("");
    let mut parts = path.components().map(|part| part.as_os_str().to_str().unwrap());
    match (parts.next()?, parts.next()) {
        ("lib" | "main" | "tests", _) => None,
        ("server", Some(room)) => Some(room.into()),
        (room, _) => Some(room.into()),
    }
}

/// The code of a file without comments, and without the tests inside it.
fn code(text: &str) -> String {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    lines.map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The first names behind `prefix` wherever it stands: `x` of `crate::x::y`, `a` and `b` of `crate::{a::c, b}`.
fn names_behind(prefix: &str, code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let listed = rest.strip_prefix('{').map(|list| top_level(list));
        names.extend(listed.unwrap_or_else(|| vec![rest]).into_iter().map(first_name));
    }
    names
}

/// The parts of a list of imports up to its closing brace, with the braces in it left alone.
fn top_level(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&list[begin..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts
}

fn first_name(path: &str) -> String {
    path.trim().chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

/// The rooms that a file imports.
fn imports(file: &Path, text: &str) -> BTreeSet<String> {
    let code = code(text);
    let mut found: Vec<_> = names_behind("crate::", &code).into_iter().filter(|name| name != "server").collect();
    found.extend(names_behind("crate::server::", &code).into_iter().map(in_server));
    let parent = file.parent().unwrap();
    if parent == root().join("src/server") {
        found.extend(names_behind("super::", &code).into_iter().map(in_server));
    } else if parent == root().join("src") && !file.ends_with("server.rs") {
        found.extend(names_behind("super::", &code));
    }
    found.into_iter().filter(|name| !name.is_empty()).collect()
}

/// `State` and what else `server.rs` has itself is the room `server`.
fn in_server(name: String) -> String {
    if name.starts_with(char::is_uppercase) { "server".into() } else { name }
}

fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in sources(&root().join("src")) {
        let Some(room) = room(&file) else { continue };
        let imported = imports(&file, &std::fs::read_to_string(&file).unwrap());
        graph.entry(room.clone()).or_default().extend(imported.into_iter().filter(|other| *other != room));
    }
    graph
}

#[test]
fn imports_run_downward() {
    let mut up = Vec::new();
    for (room, imported) in graph() {
        // The state is made of rooms below and declares those above.
        up.extend(
            imported.iter().filter(|other| floor(&room) < floor(other)).map(|other| format!("{room} -> {other}")),
        );
    }
    assert_eq!(up, Vec::<String>::new(), "imports that point up");
}

#[test]
fn no_two_rooms_import_each_other() {
    let graph = graph();
    let mut left: BTreeSet<&String> = graph.keys().collect();
    // Rooms that import nothing of what is left are taken away until none is; what stays is a circle.
    while let Some(free) = left.iter().find(|room| graph[**room].iter().all(|other| !left.contains(other))).copied() {
        left.remove(free);
    }
    assert_eq!(left, BTreeSet::new(), "rooms in a circle");
}

#[test]
fn the_imports_of_a_file_are_seen() {
    let file = root().join("src/server/engine.rs");
    let text = "use crate::model::X;\nuse super::{State, store::{a, b}, times};\nfn f() { crate::server::sync::lock() } // crate::ui\n";
    let seen: Vec<_> = imports(&file, text).into_iter().collect();
    assert_eq!(seen, ["model", "server", "store", "sync", "times"]);
}
