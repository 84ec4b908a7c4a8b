//! The principal that one of Rivulet's own signatures was given to.

use crate::error::Problem;
use crate::server::State;
use crate::server::channels::{Beginning, Grantee};
use crate::server::principal::{Credential, Principal};

/// As the store knows it now.
///
/// # Errors
/// 401: the credential has ended, or its account is disabled.
pub(super) async fn find(state: &State, grantee: &Grantee) -> Result<Principal, Problem> {
    let (store, account) = (&state.store, grantee.account);
    let (holder, by) = match &grantee.credential {
        Beginning::Session(beginning) => {
            let session = store.session_that_begins(account, beginning).await?.ok_or(Problem::Unknown)?;
            (store.session(session).await?.ok_or(Problem::Unknown)?, Credential::Session(session))
        }
        Beginning::Token(beginning) => {
            let token = store.token_that_begins(account, beginning).await?.ok_or(Problem::Unknown)?;
            let (holder, scope) = store.token(token).await?.ok_or(Problem::Unknown)?;
            (holder, Credential::Token(token, scope))
        }
    };
    Ok(Principal { account: holder.account, is_guest: holder.is_guest, role: holder.role, by })
}
