//! What an account has chosen for all its browsers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What can be chosen; the first is what is so without a choice.
pub const THEMES: [&str; 3] = ["auto", "light", "dark"];
/// The sizes of text.
pub const TEXTS: [&str; 3] = ["normal", "large", "largest"];
/// The key that sends.
pub const KEYS: [&str; 2] = ["enter", "ctrl"];
/// What of a reply is announced to screen readers: each step, only its end, or nothing.
pub const ANNOUNCED: [&str; 3] = ["all", "end", "nothing"];

/// What an account has chosen for all its browsers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preferences {
    /// `auto` (as the device), `light` or `dark`.
    pub theme: String,
    /// The size of text: `normal`, `large` or `largest`.
    pub text: String,
    /// The key that sends on keyboards: `enter`, or `ctrl` for Ctrl and Enter.
    pub send: String,
    /// What of a reply is announced to screen readers: `all`, `end` or `nothing`.
    pub announced: String,
    /// Models that are offered first, by their ids.
    pub favourites: Vec<String>,
    /// What models are told in all conversations, where this account asks. Not in events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Counts the changes: of two, the one with the larger number is newer.
    pub number: u64,
}

impl Default for Preferences {
    fn default() -> Self {
        let [theme, text, send, announced] = [THEMES[0], TEXTS[0], KEYS[0], ANNOUNCED[0]].map(str::to_owned);
        Self { theme, text, send, announced, favourites: Vec::new(), instructions: None, number: 0 }
    }
}
