//! A conversation as Markdown for reading: every message in order of creation.
//!
//! A message's heading ends in a comment with its id, so that a program can tell it from a heading within a text.

use super::closing::closing;
use crate::model::{AccountId, Image, Message, Role, Status};
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

/// A message's number, and that of the message that it answers.
pub(super) struct Numbered {
    pub number: i64,
    pub answers: Option<i64>,
}

/// A message, as `account` sees it; `files` are its images, each with its file where the archive has it.
pub(super) fn message(
    account: AccountId,
    Numbered { number, answers }: Numbered,
    message: &Message,
    files: &[(&Image, Option<String>)],
) -> String {
    let who = called(account, message);
    let mut text = format!("## {number}. {who}, {} UTC <!-- {} -->\n\n", minute(&message.created_at), message.id);
    if let Some(answers) = answers.filter(|answers| *answers != number - 1) {
        text.push_str(&format!("*In answer to {answers}.*\n\n"));
    }
    for (image, file) in files {
        let name: String = image.name.chars().filter(|c| !"[]\\".contains(*c) && !c.is_control()).collect();
        match file {
            Some(file) => text.push_str(&format!("![{name}]({file})\n\n")),
            None => text.push_str(&format!("*An image that is not here: {name}*\n\n")),
        }
    }
    if !message.thinking.is_empty() {
        text.push_str(&format!("Its thinking:\n\n{}\n", quoted(&message.thinking)));
    }
    if !message.text.is_empty() {
        text.push_str(&format!("{}{}\n\n", message.text, closing(&message.text)));
    }
    if let Some(ending) = ending(message) {
        // A provider's error text can have line breaks, and Markdown marks at their beginning.
        let ending: Vec<_> = ending.split_whitespace().collect();
        text.push_str(&format!("*{}*\n\n", ending.join(" ")));
    }
    text
}

/// Who wrote a message, for `account`.
pub(super) fn called(account: AccountId, message: &Message) -> &str {
    match (message.role, &message.author) {
        (Role::User, Some(author)) if author.id != account => &author.name,
        (Role::User, _) => "You",
        (Role::Agent, Some(author)) => &author.name,
        (Role::Agent, None) => "An agent",
        (Role::Assistant, _) => message.model.as_deref().unwrap_or("A model"),
    }
}

pub(super) fn ending(message: &Message) -> Option<String> {
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
