//! API tokens.

use crate::error::Problem;
use crate::model::AccountId;
use crate::server::State;
use crate::server::principal::Scope;
use crate::server::secret::{self, Hash};
use crate::server::task::owned;

/// Programs that one user runs; more are forgotten tokens.
const MAX_TOKENS: usize = 50;
const MAX_CHARACTERS: usize = 60;
/// A prefix by which a token is recognised where it does not belong, such as in a repository.
const PREFIX: &str = "rivulet_";

/// Revokes a token of the account, and ends the streams that it authorised.
pub async fn end_token(state: &State, account: AccountId, token: Hash) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move {
        let revoked = state.store.end_token(account, token).await?;
        state.grants.revoke(revoked);
        Ok(())
    })
    .await
}

/// Creates a token. The returned secret is shown once and stored only as a hash.
pub async fn make_token(state: &State, account: AccountId, name: &str, scope: Scope) -> Result<String, Problem> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() || MAX_CHARACTERS < name.chars().count() || name.chars().any(char::is_control) {
        return Err(Problem::invalid("name", format!("Say in 1 to {MAX_CHARACTERS} characters what it is for.")));
    }
    let token = format!("{PREFIX}{}", secret::new()?);
    let (hash, writer, store) = (Hash::of(&token), state.writer(account), state.store.clone());
    let added = owned(async move { store.add_token(writer, hash, &name, scope, MAX_TOKENS).await }).await?;
    if !added {
        return Err(Problem::invalid("name", format!("There are {MAX_TOKENS} tokens already. Revoke one first.")));
    }
    Ok(token)
}
