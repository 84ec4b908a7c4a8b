//! API tokens.

use crate::error::Problem;
use crate::model::AccountId;
use crate::server::State;
use crate::server::principal::Scope;
use crate::server::secret::{self, Hash};
use crate::server::task::owned;

/// Programs that one person runs; more are forgotten ones.
const MOST_TOKENS: usize = 50;
const MOST_CHARACTERS: usize = 60;
/// So that a token is known for one where it does not belong, in a repository, say.
const PREFIX: &str = "rivulet_";

/// Ends a token of the account, and the streams that it has let in.
pub async fn end_token(state: &State, account: AccountId, token: Hash) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move {
        let revoked = state.store.end_token(account, token).await?;
        state.grants.revoke(revoked);
        Ok(())
    })
    .await
}

/// Makes a token. What is returned is shown once and nowhere kept.
pub async fn make_token(state: &State, account: AccountId, name: &str, scope: Scope) -> Result<String, Problem> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() || MOST_CHARACTERS < name.chars().count() || name.chars().any(char::is_control) {
        return Err(Problem::invalid("name", format!("Say in 1 to {MOST_CHARACTERS} characters what it is for.")));
    }
    let token = format!("{PREFIX}{}", secret::new()?);
    let (hash, writer, store) = (Hash::of(&token), state.writer(account), state.store.clone());
    let added = owned(async move { store.add_token(writer, hash, &name, scope, MOST_TOKENS).await }).await?;
    if !added {
        return Err(Problem::invalid("name", format!("There are {MOST_TOKENS} tokens already. Revoke one first.")));
    }
    Ok(token)
}
