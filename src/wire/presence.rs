//! Presence, which is sent beside the events.

use crate::json::read;
use crate::model::AccountId;
use serde::{Deserialize, Serialize};

/// Who else has a conversation open. Not an event: it is in no journal, and the next one takes its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    pub people: Vec<Looking>,
    /// `people` as a sentence for users; empty if there is no one else.
    pub words: String,
}

/// A user who has the conversation open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looking {
    pub id: AccountId,
    pub name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub typing: bool,
}

/// The beginning of a presence line.
const PRESENCE: &str = r#"{"type":"presence","#;

impl Presence {
    fn members(&self) -> String {
        let json = serde_json::to_string(self).expect("names become JSON");
        json[1..].to_owned()
    }

    /// As a Server-Sent Event. It has no id, so that a client resumes from the last that has.
    pub fn sse(&self) -> String {
        format!("event: presence\ndata: {{{}\n\n", self.members())
    }

    pub fn line(&self) -> String {
        format!("{PRESENCE}{}\n", self.members())
    }

    /// The sentence in a presence line, which is all that a page shows of it; none for other lines.
    pub fn words(line: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Words {
            words: String,
        }
        let words = || read::<Words>(line.as_bytes()).ok();
        line.starts_with(PRESENCE).then(words)?.map(|it| it.words)
    }
}
