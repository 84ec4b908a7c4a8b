//! A conversation as Markdown, to be read: every message in the order in which they were made.

use crate::model::{Message, Role, Status};
use crate::server::store::conversations::Stored;
use crate::server::times::minute;

pub(super) fn head(stored: &Stored) -> String {
    let title = if stored.title.is_empty() { "A conversation" } else { &stored.title };
    let mut text = format!("# {title}\n\nBegun on {} UTC.\n\n", minute(&stored.created_at));
    if !stored.system.is_empty() {
        text.push_str(&format!("Its instructions:\n\n{}\n", quoted(&stored.system)));
    }
    text
}

/// `answers` is the number of the message that it answers; `files` are its images, by their names.
pub(super) fn message(number: i64, answers: Option<i64>, message: &Message, files: &[(String, String)]) -> String {
    let who = match message.role {
        Role::User => "You",
        Role::Assistant => message.model.as_deref().unwrap_or("A model"),
    };
    let mut text = format!("## {number}. {who}, {} UTC\n\n", minute(&message.created_at));
    if let Some(answers) = answers.filter(|answers| *answers != number - 1) {
        text.push_str(&format!("*In answer to {answers}.*\n\n"));
    }
    for (name, file) in files {
        let name: String = name.chars().filter(|c| !"[]\\".contains(*c)).collect();
        text.push_str(&format!("![{name}]({file})\n\n"));
    }
    if !message.thinking.is_empty() {
        text.push_str(&format!("Its thinking:\n\n{}\n", quoted(&message.thinking)));
    }
    if !message.text.is_empty() {
        text.push_str(&format!("{}\n\n", message.text));
    }
    if let Some(ending) = ending(message) {
        text.push_str(&format!("*{ending}*\n\n"));
    }
    text
}

fn ending(message: &Message) -> Option<String> {
    match message.status {
        Status::Done => None,
        Status::Streaming => Some("It was still being written.".into()),
        Status::Stopped => Some("Stopped here.".into()),
        Status::Interrupted => Some("Interrupted here.".into()),
        Status::Failed => Some(message.error.as_ref().map_or("Failed here.".into(), |error| error.message.clone())),
    }
}

fn quoted(text: &str) -> String {
    text.lines().map(|line| format!("> {line}\n")).collect()
}
