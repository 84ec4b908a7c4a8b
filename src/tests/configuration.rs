//! What docs/configuration.md says about the settings, against what `--help` says.

use crate::server::settings::Settings;
use clap::{Arg, CommandFactory};
use std::collections::BTreeMap;

/// The rows of the page's tables: a setting, its default, and what it is.
fn rows() -> BTreeMap<String, (String, String)> {
    let page = include_str!("../../docs/configuration.md");
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    page.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| cells(line).try_into().unwrap())
        .map(|[name, default, what]: [String; 3]| (name.trim_matches('`').to_owned(), (default, what)))
        .collect()
}

/// The settings that `--help` lists, by their names in the environment.
fn settings() -> BTreeMap<String, Arg> {
    let named = |arg: &Arg| Some((arg.get_env()?.to_str()?.to_owned(), arg.clone()));
    Settings::command().get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(named).collect()
}

#[test]
fn the_page_about_configuration_has_every_setting_that_help_lists_and_no_other() {
    let (page, help) = (rows(), settings());
    assert_eq!(page.keys().collect::<Vec<_>>(), help.keys().collect::<Vec<_>>());
    assert!(page.values().all(|(_, what)| !what.is_empty()), "each says what it is");
}

#[test]
fn the_page_about_configuration_tells_the_defaults_that_apply() {
    let page = rows();
    for (name, arg) in settings() {
        let default = &page[&name].0;
        match arg.get_default_values() {
            [] => assert!(!default.chars().any(|letter| letter.is_ascii_digit()), "{name} has no default: {default}"),
            values => assert_eq!(*default, format!("`{}`", values[0].to_string_lossy()), "{name}"),
        }
    }
}

#[test]
fn a_page_that_another_page_links_to_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name));
    for page in docs.chain(top).filter(|path| path.extension().is_some_and(|ending| ending == "md")) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let is_here = !link.is_empty() && !link.contains("://");
            assert!(!is_here || page.with_file_name(link).exists(), "{} links to {link}", page.display());
        }
    }
}

#[test]
fn the_readme_is_read_in_one_go() {
    let lines = include_str!("../../README.md").lines().count();
    assert!(lines <= 120, "{lines} lines; the rest belongs into docs/");
}
