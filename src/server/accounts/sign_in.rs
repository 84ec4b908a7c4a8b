//! Signing in and out, and changing the password.

use crate::error::Problem;
use crate::model::AccountId;
use crate::server::journal::Topic;
use crate::server::passwords::Password;
use crate::server::principal::{By, Name, Who};
use crate::server::secret::{self, Hash};
use crate::server::store::audit::Note;
use crate::server::task::{owned, owned_by_server};
use crate::server::{State, conversations};
use std::net::IpAddr;

/// Who is at the door, and with what.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Who the browser is so far: a guest, mostly, or nobody.
    pub who: Option<Who>,
    /// What it was given when somebody signed in with it before.
    pub browser: Option<String>,
    pub address: IpAddr,
    /// What the browser calls itself, in our words.
    pub device: String,
}

impl Arrival {
    fn session(&self) -> Option<Hash> {
        match self.who?.by {
            By::Session(hash) => Some(hash),
            By::Token(..) => None,
        }
    }
}

/// What a browser gets when somebody has signed in with it.
pub struct SignedIn {
    pub session: String,
    /// Says later that it is known to the account.
    pub browser: String,
    /// Whether there is a guest whose conversations are to be asked about.
    pub asks: bool,
}

pub(super) fn disabled() -> Problem {
    Problem::Forbidden("This account is disabled. Ask whoever runs this server.".into())
}

/// The one answer to a wrong name and to a wrong password.
fn wrong() -> Problem {
    Problem::invalid("password", "This name and password do not belong together. Check both and try again.")
}

/// Signs in with name and password.
///
/// # Errors
/// 422 when they do not belong together, 429 after too many tries, 403 for an account that is disabled.
pub async fn sign_in(state: &State, arrival: Arrival, name: &str, password: &str) -> Result<SignedIn, Problem> {
    let password = Password::parse(password, "password")?;
    // What is no name is nobody's, and takes as long to find out.
    let key = Name::parse(name).map_or_else(|_| "?".into(), |name| name.key().to_owned());
    let browser = arrival.browser.as_deref().map(Hash::of);
    let known = match browser {
        Some(browser) if state.store.knows_browser(&key, browser).await? => Some(browser),
        _ => None,
    };
    let attempt = state.throttle.sign_in(&key, arrival.address, known)?;
    let found = state.store.credentials(&key).await?;
    let stored = found.as_ref().and_then(|found| found.password.clone());
    if !state.passwords.matches(stored.clone(), password).await? {
        tracing::info!(address = %arrival.address, "Somebody could not sign in");
        let name = found.and_then(|found| found.name);
        note(state, "somebody", "could not sign in", name.as_deref(), "").await;
        return Err(wrong());
    }
    attempt.succeeded();
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

/// Writes down that somebody signed in, or tried to. A name that nobody has is not told: it may be a password. Whoever
/// tries again and again makes one entry an hour for each account, and one for all names that nobody has.
async fn note(state: &State, actor: &str, action: &'static str, subject: Option<&str>, detail: &str) {
    let note = Note::new(actor, action, subject.unwrap_or("a name that nobody has"), detail);
    let state = state.clone();
    let noted = owned_by_server(async move { Ok(state.store.note_again(&note).await?) }).await;
    if let Err(problem) = noted {
        tracing::warn!(%problem, "A sign-in was not written into the log");
    }
}

/// Begins a session of the account in this browser, under a new id, in place of the one before. `verified` is the password,
/// as it is stored, that somebody has just given.
///
/// # Errors
/// 403 where the account was disabled, or its password changed, since that was verified.
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
        state.store.know_browser(account, browser).await?;
        if let Some(guest) = guest.filter(|_| !asks) {
            state.store.delete_guest(guest, account).await?;
            state.journals.end(Topic::Account(guest), None);
        }
        if let Some(before) = before {
            state.grants.revoke_session(before);
        }
        Ok(())
    })
    .await?;
    Ok(signed)
}

/// Ends the session that asks. Without one there is nothing to do.
pub async fn leave(state: &State, who: Option<Who>) -> Result<(), Problem> {
    let Some(Who { account, by: By::Session(session), .. }) = who else { return Ok(()) };
    end_session(state, account, session, None).await
}

/// Ends a session of the account, and writes `note` down.
///
/// # Errors
/// 404 where it has none like this.
pub async fn end_session(state: &State, account: AccountId, session: Hash, note: Option<Note>) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move {
        let revoked = state.store.end_session(account, session, note.as_ref()).await?;
        state.grants.revoke(revoked);
        has_grown(&state, account);
        Ok(())
    })
    .await
}

/// Ends the account's sessions, but for one.
pub async fn end_other_sessions(state: &State, account: AccountId, but: Hash) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move {
        for revoked in state.store.end_sessions(account, Some(but)).await? {
            state.grants.revoke(revoked);
        }
        has_grown(&state, account);
        Ok(())
    })
    .await
}

/// A session that ends may leave a guest's conversations to its account: whoever looks at the list sees it grow.
fn has_grown(state: &State, account: AccountId) {
    state.journals.start_over(Topic::Account(account));
}

/// Changes the password. All other sessions of the account end, and this one gets a new id.
///
/// # Errors
/// 422 when `old` is not the password, or `new` cannot be one; 429 after too many tries.
pub async fn change_password(
    state: &State,
    arrival: Arrival,
    who: Who,
    old: &str,
    new: &str,
) -> Result<SignedIn, Problem> {
    let (old, new) = (Password::parse(old, "old")?, Password::parse(new, "new")?);
    let account = state.store.account(who.account).await?;
    let name = account.name.ok_or(Problem::NotFound)?;
    let key = Name::parse(&name)?.key().to_owned();
    // Whoever sits before an open session is no browser that is known: the password is what is asked for.
    let attempt = state.throttle.sign_in(&key, arrival.address, None)?;
    let found = state.store.credentials_of(who.account).await?;
    if !state.passwords.matches(found.password, old).await? {
        return Err(Problem::invalid("old", "This is not your password as it is now."));
    }
    attempt.succeeded();
    let hash = state.passwords.hash(new).await?;
    let (work, this, verified) = (state.clone(), arrival.session(), hash.clone());
    owned(async move {
        let note = Note::new(&name, "changed the password", &name, "");
        // This one ends as the new one begins, which takes over what is still to be asked.
        for revoked in work.store.change_password(who.account, &hash, this, &note).await? {
            work.grants.revoke(revoked);
        }
        Ok(())
    })
    .await?;
    begin(state, arrival, who.account, Some(verified)).await
}

/// The guest whose conversations whoever asks is still to be asked about.
pub async fn guest_of(state: &State, who: Who) -> Result<Option<AccountId>, Problem> {
    match who.by {
        By::Session(session) => Ok(state.store.guest_of(session).await?),
        By::Token(..) => Ok(None),
    }
}

/// Answers the question about a guest's conversations: they are the account's now, or they go with the guest.
pub async fn keep_guest(state: &State, who: Who, keep: bool) -> Result<(), Problem> {
    let Some(guest) = guest_of(state, who).await? else { return Ok(()) };
    let state = state.clone();
    owned(async move {
        if keep {
            state.store.merge(guest, who.account).await?;
            has_grown(&state, who.account);
        } else {
            conversations::delete_all(&state, guest).await?;
            state.store.delete_guest(guest, who.account).await?;
            state.journals.end(Topic::Account(guest), None);
            has_grown(&state, who.account);
        }
        Ok(())
    })
    .await
}
