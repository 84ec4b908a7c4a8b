//! Imports run downward: each room of the crate (a file or folder directly under `src` or `src/server`) is on a floor,
//! and imports only rooms of its own floor and of those below. Rooms never import each other in a circle.

use super::tidy::{root, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The lowest floor first. `server` is `server.rs` itself: the state.
const FLOORS: [(&str, &[&str]); 15] = [
    ("values", &["amount", "error", "json", "model"]),
    ("events", &["event", "markdown"]),
    ("encodings", &["contract", "wire"]),
    (
        "ground",
        &[
            "address",
            "assets",
            "bounds",
            "drain",
            "formula",
            "highlight",
            "metrics",
            "node",
            "nul",
            "outlet",
            "passwords",
            "peer",
            "picture",
            "principal",
            "problem",
            "quota",
            "secret",
            "signal",
            "sync",
            "task",
            "times",
            "traces",
            "waiting",
        ],
    ),
    ("truth", &["backplane", "journal", "provider", "store"]),
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
            "logging",
            "oidc",
            "prompt",
            "public",
            "readiness",
            "settings",
            "site_view",
            "status",
            "throttle",
        ],
    ),
    ("state", &["server"]),
    (
        "services",
        &[
            "accounts",
            "admin",
            "backups",
            "branches",
            "commands",
            "conversations",
            "desk",
            "export",
            "housekeeping",
            "images",
            "lists",
            "messages",
            "news",
            "page_data",
            "preferences",
            "revocation",
            "queue",
            "search",
            "session",
            "sharing",
            "standing",
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
    ("entry", &["takeover"]),
];

/// A file's path as a module, such as `server`, `store`, `used`.
type Module = Vec<String>;
type Graph<T> = BTreeMap<T, BTreeSet<T>>;

fn floor(room: &str) -> usize {
    let found = FLOORS.iter().position(|(_, rooms)| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("the room `{room}` is on no floor: add it to FLOORS"))
}

/// None for `lib.rs` and `main.rs`, which join the rooms, and for tests.
fn module(file: &Path) -> Option<Module> {
    let path = file.strip_prefix(root().join("src")).unwrap().with_extension("");
    let parts: Module = path.iter().map(|part| part.to_str().unwrap().into()).collect();
    (!matches!(parts[0].as_str(), "lib" | "main" | "tests")).then_some(parts)
}

/// `State` and what else `server.rs` has itself is the room `server`.
fn room(module: &Module) -> &str {
    match module.as_slice() {
        [server, room, ..] if server == "server" => room,
        module => &module[0],
    }
}

/// The code of a file without comments, and without the tests inside it.
fn code(text: &str) -> String {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    lines.map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Whether a name can have this character.
fn is_named(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The paths behind `prefix` wherever it begins one, from `base`: `x::y` of `crate::x::y`, `a::c` and `b` of `crate::{a::c, b}`.
fn paths_behind(prefix: &str, base: &[String], code: &str) -> Vec<Module> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = &code[..at];
        // `pub(in crate::x)` imports nothing.
        if !before.ends_with(|before| is_named(before) || before == ':') && !before.ends_with("pub(in ") {
            follow(base.to_vec(), &code[at + prefix.len()..], &mut paths);
        }
    }
    paths
}

/// Adds the paths that go on from `path` with `rest`.
fn follow(mut path: Module, rest: &str, paths: &mut Vec<Module>) {
    let rest = rest.trim_start();
    if let Some(list) = rest.strip_prefix('{') {
        return top_level(list).into_iter().for_each(|part| follow(path.clone(), part, paths));
    }
    let (name, rest) = rest.split_at(rest.find(|character| !is_named(character)).unwrap_or(rest.len()));
    match name {
        "super" => drop(path.pop()),
        "self" | "" => {}
        name => path.push(name.into()),
    }
    match rest.strip_prefix("::") {
        Some(rest) => follow(path, rest, paths),
        None => paths.push(path),
    }
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

/// The modules of which this one imports something. `all` are the modules there are.
fn imports(module: &Module, code: &str, all: &BTreeSet<Module>) -> BTreeSet<Module> {
    let (_, parent) = module.split_last().unwrap();
    let mut paths = paths_behind("crate::", &[], code);
    paths.extend(paths_behind("super::", parent, code));
    for child in all.iter().filter(|other| other.split_last().unwrap().1 == module) {
        let name = child.last().unwrap();
        paths.extend(paths_behind(&format!("{name}::"), child, code));
    }
    // The end of a path is something in a file.
    let file = |path: Module| (1..=path.len()).rev().map(|length| path[..length].to_vec()).find(|it| all.contains(it));
    paths.into_iter().filter_map(file).filter(|other| other != module).collect()
}

fn graph_of_files() -> Graph<Module> {
    let read = |file: PathBuf| Some((module(&file)?, code(&std::fs::read_to_string(&file).unwrap())));
    let files: BTreeMap<_, _> = sources(&root().join("src")).into_iter().filter_map(read).collect();
    let all = files.keys().cloned().collect();
    files.iter().map(|(module, code)| (module.clone(), imports(module, code, &all))).collect()
}

fn graph_of_rooms() -> Graph<String> {
    let mut graph = Graph::new();
    for (module, imported) in graph_of_files() {
        let here = room(&module);
        let others = imported.iter().map(room).filter(|other| *other != here).map(String::from);
        graph.entry(here.into()).or_insert_with(BTreeSet::new).extend(others);
    }
    graph
}

/// What is in a circle, or between two.
fn circles<T: Ord>(graph: &Graph<T>) -> BTreeSet<&T> {
    let mut left: BTreeSet<_> = graph.keys().collect();
    // What imports nothing of the rest is taken away, and what nothing of the rest imports, until there is none.
    while let Some(free) = left.iter().copied().find(|it| {
        let imports = graph[*it].iter().any(|other| left.contains(other));
        !imports || !left.iter().any(|other| graph[*other].contains(it))
    }) {
        left.remove(free);
    }
    left
}

#[test]
fn imports_run_downward() {
    let mut up = Vec::new();
    for (room, imported) in graph_of_rooms() {
        // The state is made of rooms below and declares those above.
        up.extend(
            imported.iter().filter(|other| floor(&room) < floor(other)).map(|other| format!("{room} -> {other}")),
        );
    }
    assert_eq!(up, Vec::<String>::new(), "imports that point up");
}

#[test]
fn no_two_rooms_import_each_other() {
    assert_eq!(circles(&graph_of_rooms()), BTreeSet::new(), "rooms in a circle");
}

#[test]
fn no_two_files_import_each_other() {
    let mut graph = graph_of_files();
    for (module, imported) in &mut graph {
        imported.retain(|other| !module.starts_with(other));
    }
    assert_eq!(circles(&graph), BTreeSet::new(), "files in a circle");
}

#[test]
fn the_imports_of_a_file_are_seen() {
    let path = |path: &str| path.split('/').map(String::from).collect::<Module>();
    let all =
        ["model", "server", "server/engine", "server/engine/reply", "server/store/a", "server/store", "server/times"];
    let all = all.into_iter().chain(["server/sync", "ui"]).map(path).collect();
    let text = "use crate::model::X;\nuse super::{State, store::{a, b}, times};\nuse reply::run;\n\
                fn f() { crate::server::sync::lock() } // crate::ui\n";
    let seen = imports(&path("server/engine"), &code(text), &all);
    let expected =
        ["model", "server", "server/engine/reply", "server/store", "server/store/a", "server/sync", "server/times"];
    assert_eq!(seen, expected.into_iter().map(path).collect());
}

#[test]
fn circles_are_found_and_what_leads_to_them_is_not() {
    let graph: Graph<&str> = [("a", vec!["b"]), ("b", vec!["c", "d"]), ("c", vec!["b"]), ("d", vec![])]
        .map(|(name, imported)| (name, imported.into_iter().collect()))
        .into();
    assert_eq!(circles(&graph), BTreeSet::from([&"b", &"c"]));
}
