//! Signing in and out, and changing the password.

use crate::error::Problem;
use crate::model::AccountId;
use crate::server::journal::Topic;
use crate::server::passwords::Password;
use crate::server::principal::Credential;
use crate::server::principal::Name;
use crate::server::principal::Principal;
use crate::server::secret::{self, Hash};
use crate::server::store::audit::Note;
use crate::server::task::{owned, owned_by_server};
use crate::server::{State, conversations};
use std::net::IpAddr;

/// A browser that is about to sign in, and what it presents.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The browser's current caller: usually a guest, or anonymous.
    pub who: Option<Principal>,
    /// The cookie that it was given when an account signed in with it before.
    pub browser: Option<String>,
    pub address: IpAddr,
    /// The browser's name, in our words.
    pub device: String,
}

impl Arrival {
    fn session(&self) -> Option<Hash> {
        match self.who?.by {
            Credential::Session(hash) => Some(hash),
            Credential::Token(..) => None,
        }
    }
}

/// What a browser receives after signing in.
pub struct SignedIn {
    pub session: String,
    /// Identifies the browser as known to the account at later sign-ins.
    pub browser: String,
    /// Whether the user is to be asked about a guest's conversations.
    pub asks: bool,
}

pub(super) fn disabled() -> Problem {
    Problem::Forbidden("This account is disabled. Ask whoever runs this server.".into())
}

/// The one answer to a wrong name and to a wrong password.
fn wrong() -> Problem {
    Problem::invalid("password", "This name and password do not belong together. Check both and try again.")
}

/// Signs in with a name and a password.
///
/// # Errors
/// 422 when they do not match, 429 after too many attempts, 403 for a disabled account.
pub async fn sign_in(state: &State, arrival: Arrival, name: &str, password: &str) -> Result<SignedIn, Problem> {
    let password = Password::tried(password, "password")?;
    // An invalid name belongs to no account, and takes as long to reject.
    let key = Name::parse(name).map_or_else(|_| "?".into(), |name| name.key().to_owned());
    let browser = arrival.browser.as_deref().map(Hash::of);
    let known = match browser {
        Some(browser) if state.store.knows_browser(&key, browser).await? => Some(browser),
        _ => None,
    };
    let attempt = state.throttle.sign_in(&key, arrival.address, known).await?;
    let found = state.store.credentials(&key).await?;
    let stored = found.as_ref().and_then(|found| found.password.clone());
    if !state.passwords.matches(stored.clone(), password).await? {
        tracing::info!(address = %arrival.address, "An attempt to sign in failed");
        let name = found.and_then(|found| found.name);
        note(state, "somebody", "could not sign in", name.as_deref(), "").await;
        return Err(wrong());
    }
    attempt.succeeded().await;
    let found = found.ok_or(Problem::Internal)?;
    let name = found.name.clone().unwrap_or_default();
    if found.disabled {
        return Err(disabled());
    }
    let device = arrival.device.clone();
    let signed = begin(state, arrival, found.account, stored).await?;
    note(state, &name, "signed in", Some(&name), &device).await;
    Ok(signed)
}

/// Writes a sign-in, or an attempt, to the audit log. A name without an account is left out: it may be a password.
/// Repeated attempts make one entry an hour for each account, and one for all names without an account.
async fn note(state: &State, actor: &str, action: &'static str, subject: Option<&str>, detail: &str) {
    let note = Note::new(actor, action, subject.unwrap_or("a name that nobody has"), detail);
    let state = state.clone();
    let noted = owned_by_server(async move { Ok(state.store.note_again(&note).await?) }).await;
    if let Err(problem) = noted {
        tracing::warn!(%problem, "A sign-in was not written into the log");
    }
}

/// Begins a session of the account in this browser, under a new id, replacing the previous one. `verified` is the
/// stored hash of the password that was just checked.
///
/// # Errors
/// 403 where the account was disabled, or its password changed, since that check.
pub(crate) async fn begin(
    state: &State,
    arrival: Arrival,
    account: AccountId,
    verified: Option<String>,
) -> Result<SignedIn, Problem> {
    let guest = match arrival.who {
        Some(who) if who.is_guest && who.account != account => Some(who.account),
        _ => None,
    };
    let asks = match guest {
        Some(guest) => 0 < state.store.count_conversations(guest).await?,
        None => false,
    };
    let before = arrival.session();
    let browser = match arrival.browser {
        Some(browser) => browser,
        None => secret::new()?,
    };
    let signed = SignedIn { session: secret::new()?, browser, asks };
    let (session, browser, device) = (Hash::of(&signed.session), Hash::of(&signed.browser), arrival.device);
    let state = state.clone();
    owned_by_server(async move {
        let asked = guest.filter(|_| asks);
        if !state.store.add_session(account, session, &device, before, asked, verified.as_deref()).await? {
            return Err(Problem::Forbidden(
                "Your account has changed in between, so you are not signed in. Try again.".into(),
            ));
        }
        // At once: what follows may take long, or fail.
        if let Some(before) = before {
            state.grants.revoke_session(before);
        }
        state.store.know_browser(account, browser).await?;
        if let Some(guest) = guest.filter(|_| !asks) {
            state.store.delete_guest(guest, account).await?;
            state.journals.end(Topic::Account(guest), None);
        }
        Ok(())
    })
    .await?;
    Ok(signed)
}

/// Ends the caller's session. Without a session there is nothing to do.
pub async fn leave(state: &State, who: Option<Principal>) -> Result<(), Problem> {
    let Some(Principal { account, by: Credential::Session(session), .. }) = who else { return Ok(()) };
    end_session(state, account, session, None).await
}

/// Ends a session of the account, and writes `note` to the audit log.
///
/// # Errors
/// 404 where it has no such session.
pub async fn end_session(state: &State, account: AccountId, session: Hash, note: Option<Note>) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move {
        let revoked = state.store.end_session(account, session, note.as_ref()).await?;
        state.grants.revoke(revoked);
        has_grown(&state, account).await;
        Ok(())
    })
    .await
}

/// Ends all of the account's sessions except one.
pub async fn end_other_sessions(state: &State, account: AccountId, but: Hash) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move {
        for revoked in state.store.end_sessions(account, Some(but)).await? {
            state.grants.revoke(revoked);
        }
        has_grown(&state, account).await;
        Ok(())
    })
    .await
}

/// A session that ends may leave a guest's conversations to its account: open lists are told that they grew.
async fn has_grown(state: &State, account: AccountId) {
    state.journals.start_over(Topic::Account(account)).await;
}

/// Changes the password. All other sessions of the account end, and this one gets a new id.
///
/// # Errors
/// 422 when `old` is not the password or `new` is not a valid one; 429 after too many attempts.
pub async fn change_password(
    state: &State,
    arrival: Arrival,
    who: Principal,
    old: &str,
    new: &str,
) -> Result<SignedIn, Problem> {
    let (old, new) = (Password::tried(old, "old")?, Password::parse(new, "new")?);
    let account = state.store.account(who.account).await?;
    let name = account.name.ok_or(Problem::NotFound)?;
    let key = Name::parse(&name)?.key().to_owned();
    // An open session does not make the browser a known one here: the password is what is verified.
    let attempt = state.throttle.sign_in(&key, arrival.address, None).await?;
    let found = state.store.credentials_of(who.account).await?;
    if !state.passwords.matches(found.password, old).await? {
        return Err(Problem::invalid("old", "This is not your password as it is now."));
    }
    attempt.succeeded().await;
    let hash = state.passwords.hash(new).await?;
    let (work, this, verified) = (state.clone(), arrival.session(), hash.clone());
    owned(async move {
        let note = Note::new(&name, "changed the password", &name, "");
        // This session ends as the new one begins, and the new one takes over its open question.
        for revoked in work.store.change_password(who.account, &hash, this, &note).await? {
            work.grants.revoke(revoked);
        }
        Ok(())
    })
    .await?;
    begin(state, arrival, who.account, Some(verified)).await
}

/// The guest whose conversations the caller still has to decide about.
pub async fn guest_of(state: &State, who: Principal) -> Result<Option<AccountId>, Problem> {
    match who.by {
        Credential::Session(session) => Ok(state.store.guest_of(session).await?),
        Credential::Token(..) => Ok(None),
    }
}

/// Answers the question about a guest's conversations: they move to the account, or are deleted with the guest.
pub async fn keep_guest(state: &State, who: Principal, keep: bool) -> Result<(), Problem> {
    let Some(guest) = guest_of(state, who).await? else { return Ok(()) };
    let state = state.clone();
    owned(async move {
        if keep {
            state.store.merge(guest, who.account).await?;
            has_grown(&state, who.account).await;
        } else {
            conversations::delete_all(&state, guest).await?;
            state.store.delete_guest(guest, who.account).await?;
            state.journals.end(Topic::Account(guest), None);
            has_grown(&state, who.account).await;
        }
        Ok(())
    })
    .await
}
