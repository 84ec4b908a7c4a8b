//! What an account chooses for all its browsers, and tells models in all its conversations. A change is told to the
//! account's own list, and to nobody else; what models are told is in no event.

use super::journal::Topic;
use super::task::owned;
use super::{State, nul, prompt};
use crate::contract::PreferencesChange;
use crate::error::Problem;
use crate::event::Event;
use crate::model::preferences::{ANNOUNCED, KEYS, TEXTS, THEMES};
use crate::model::{AccountId, Preferences};

/// Characters of an account's own instructions, at most: some pages, because they are sent with every message.
pub const MAX_INSTRUCTIONS: usize = 8_000;
/// Models among the favourites: more are no choice of a few any more.
const MAX_FAVOURITES: usize = 100;

/// What the account has chosen; what is so for everybody where it has chosen nothing.
pub async fn all(state: &State, account: AccountId) -> Result<Preferences, Problem> {
    let chosen = state.store.preferences(account).await?.unwrap_or_default();
    Ok(Preferences { instructions: Some(chosen.instructions.unwrap_or_default()), ..chosen })
}

/// What browsers are told; none where the account has chosen nothing.
pub(super) async fn told(state: &State, account: AccountId) -> Result<Option<Preferences>, Problem> {
    let chosen = state.store.preferences(account).await?;
    Ok(chosen.map(without_instructions))
}

fn without_instructions(preferences: Preferences) -> Preferences {
    Preferences { instructions: None, ..preferences }
}

/// Writes what the account chooses, and tells its browsers.
pub async fn change(state: &State, account: AccountId, change: PreferencesChange) -> Result<Preferences, Problem> {
    let change = checked(change)?;
    let state = state.clone();
    owned(async move {
        let chosen = state.store.prefer(state.writer(account), change).await?;
        let event = Event::Preferences { preferences: Box::new(without_instructions(chosen.clone())) };
        state.journals.tell(Topic::Account(account), None, event).await;
        Ok(chosen)
    })
    .await
}

fn checked(change: PreferencesChange) -> Result<PreferencesChange, Problem> {
    one_of("theme", change.theme.as_deref(), &THEMES)?;
    one_of("text", change.text.as_deref(), &TEXTS)?;
    one_of("send", change.send.as_deref(), &KEYS)?;
    one_of("announced", change.announced.as_deref(), &ANNOUNCED)?;
    Ok(PreferencesChange {
        favourites: change.favourites.map(favourites).transpose()?,
        instructions: change.instructions.map(instructions).transpose()?,
        ..change
    })
}

fn one_of(field: &'static str, value: Option<&str>, known: &[&str]) -> Result<(), Problem> {
    match value {
        Some(value) if !known.contains(&value) => {
            Err(Problem::invalid(field, format!("This is one of {}.", known.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Each once. Whether the models are there is not asked: they come and go with the server's settings.
fn favourites(ids: Vec<String>) -> Result<Vec<String>, Problem> {
    let mut once: Vec<String> = Vec::new();
    for id in ids {
        prompt::model(&id).map_err(|problem| Problem::invalid("favourites", problem.to_string()))?;
        if !id.is_empty() && !once.contains(&id) {
            once.push(id);
        }
    }
    if once.len() <= MAX_FAVOURITES {
        return Ok(once);
    }
    Err(Problem::invalid("favourites", format!("At most {MAX_FAVOURITES} models can be favourites.")))
}

fn instructions(text: String) -> Result<String, Problem> {
    if text.chars().count() <= MAX_INSTRUCTIONS {
        return Ok(nul::replaced(text));
    }
    Err(Problem::invalid("instructions", format!("Keep your instructions under {MAX_INSTRUCTIONS} characters.")))
}
