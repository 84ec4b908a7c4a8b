//! Deletes an account with everything in it.

use super::Arrival;
use crate::error::Problem;
use crate::model::AccountId;
use crate::server::journal::Topic;
use crate::server::passwords::Password;
use crate::server::principal::Name;
use crate::server::principal::Principal;
use crate::server::store::deletion::Deletes;
use crate::server::task::owned;
use crate::server::{State, conversations};
use std::time::Duration;
use tokio::time::timeout;

/// How long a caller waits for a deletion to finish. A longer deletion goes on in the background.
const WAIT: Duration = Duration::from_secs(10);

/// Deletes the caller's account. `proof` is its password; its name where it has no password; nothing for a guest.
///
/// # Errors
/// 422 for a wrong proof and for the only admin, 429 after too many attempts.
pub async fn delete_own(state: &State, arrival: &Arrival, who: Principal, proof: &str) -> Result<(), Problem> {
    let account = state.store.account(who.account).await?;
    let stored = state.store.credentials_of(who.account).await?.password;
    match (account.name, stored) {
        // A browser can become a new guest at any rate it likes, and each deletion costs the writer's time.
        (None, _) => {
            let _counted = state.throttle.other(arrival.address).await?;
        }
        (Some(name), None) => {
            if Name::parse(proof).ok().map(|name| name.key().to_owned()) != Some(Name::parse(&name)?.key().to_owned()) {
                return Err(Problem::invalid("proof", "This is not the name of your account."));
            }
        }
        (Some(name), Some(stored)) => {
            let password = Password::tried(proof, "proof")?;
            let attempt = state.throttle.sign_in(Name::parse(&name)?.key(), arrival.address, None).await?;
            if !state.passwords.matches(Some(stored), password).await? {
                return Err(Problem::invalid("proof", "This is not your password."));
            }
            attempt.succeeded().await;
        }
    }
    delete(state, who.account, None).await
}

/// Deletes an account with everything in it. `admin` is the name of the admin who deletes it; none where its owner
/// does.
///
/// # Errors
/// 422 where no admin would be left.
pub async fn delete(state: &State, account: AccountId, admin: Option<String>) -> Result<(), Problem> {
    let work = state.clone();
    owned(async move {
        let by = admin.as_deref().map_or(Deletes::Itself, Deletes::Admin);
        let ended = work.store.begin_deletion(account, by).await?.ok_or_else(|| {
            Problem::invalid("account", "This is the only admin that is left. Make somebody else an admin first.")
        })?;
        ended.into_iter().for_each(|revoked| work.grants.revoke(revoked));
        work.engine.stop_all(account).await;
        Ok(())
    })
    .await?;
    // From here on the account cannot be used, and the rest of the deletion is certain to happen.
    let work = state.clone();
    let rest = tokio::spawn(async move { finish(&work, account).await });
    if timeout(WAIT, rest).await.is_err() {
        tracing::info!("An account has so much that deleting it goes on");
    }
    Ok(())
}

/// Continues deletions that were begun, perhaps by a process that has ended.
pub async fn resume(state: &State) {
    match state.store.leaving().await {
        Ok(leaving) => {
            for account in leaving {
                finish(state, account).await;
            }
        }
        Err(error) => tracing::warn!(%error, "Whether accounts are to be deleted could not be looked at"),
    }
    if let Err(error) = state.store.empty_log().await {
        tracing::warn!(%error, "The database's log could not be emptied; it is tried again in a minute");
    }
}

async fn finish(state: &State, account: AccountId) {
    let deleted = async {
        conversations::delete_all(state, account).await?;
        state.store.finish_deletion(account).await?;
        state.journals.end(Topic::Account(account), None);
        // Written by a request that was still running.
        state.engine.stop_all(account).await;
        state.store.empty_log().await?;
        Ok::<_, Problem>(())
    };
    if let Err(problem) = deleted.await {
        tracing::warn!(%problem, "An account is not deleted yet; it is tried again in a minute");
    }
}
