//! Password reset by a link that an admin hands to the user; and renaming an account.

use super::Arrival;
use crate::error::Problem;
use crate::model::AccountId;
use crate::server::State;
use crate::server::passwords::Password;
use crate::server::principal::Name;
use crate::server::secret::{self, Hash};
use crate::server::store::audit::Note;
use crate::server::task::owned;
use crate::server::times::ahead;
use std::time::Duration;

/// How long the link is valid: it has to reach the user, and is exposed meanwhile.
const LINK: Duration = Duration::from_secs(24 * 3_600);

/// Creates the link's secret. It is shown once and stored only as a hash.
///
/// # Errors
/// 422 for a guest and for a disabled account.
pub async fn invite_to_reset(state: &State, account: AccountId, admin: &str) -> Result<String, Problem> {
    let found = state.store.account(account).await?;
    let name = match found.name {
        Some(name) if !found.disabled => name,
        _ => return Err(Problem::invalid("reset", "Only an account with a name that is not disabled has a password.")),
    };
    let secret = secret::new()?;
    let (hash, state) = (Hash::of(&secret), state.clone());
    let note = Note::new(admin, "made a link for a new password", &name, "");
    owned(async move { Ok(state.store.add_reset(account, hash, &ahead(LINK), &note).await?) }).await?;
    Ok(secret)
}

/// Sets the password that the link's user chose, and returns the account's name. Every session of the account ends.
///
/// # Errors
/// 422 for an invalid password, 403 for an expired link, 429 after too many attempts.
pub async fn reset(state: &State, arrival: &Arrival, token: &str, password: &str) -> Result<AccountId, Problem> {
    let password = Password::parse(password, "password")?;
    let _counted = state.throttle.other(arrival.address).await?;
    let token = Hash::of(token);
    let (account, _) = state.store.reset(token).await?.ok_or_else(over)?;
    let password = state.passwords.hash(password).await?;
    let state = state.clone();
    owned(async move {
        let ended = state.store.take_reset(token, &password).await?.ok_or_else(over)?;
        ended.into_iter().for_each(|revoked| state.grants.revoke(revoked));
        Ok(account)
    })
    .await
}

fn over() -> Problem {
    Problem::Forbidden("This link was used or has expired. Ask whoever runs this server for another.".into())
}

/// Renames an account. `by` is the actor.
///
/// # Errors
/// 422 for an invalid name, or one that is taken.
pub async fn rename(state: &State, account: AccountId, by: Option<&str>, name: &str) -> Result<(), Problem> {
    let name = Name::parse(name)?;
    let former = state.store.account(account).await?.name;
    let former = former.ok_or_else(|| Problem::invalid("name", "A guest has no name. It gets one by signing up."))?;
    if former == name.shown() {
        return Ok(());
    }
    let (state, by) = (state.clone(), by.map_or_else(|| name.shown().to_owned(), str::to_owned));
    owned(async move {
        match state.store.rename(account, &name, &former, &by).await? {
            true => Ok(()),
            false => Err(Problem::invalid("name", "This name is taken. Choose another.")),
        }
    })
    .await
}
