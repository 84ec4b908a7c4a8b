//! Signing in with an identity that an OpenID Connect issuer has verified, and linking it to an account.
//!
//! An identity is an issuer's subject; names and addresses change hands. An address therefore links to an account in
//! one case only: two issuers have verified the same address.

use super::sign_in::{Arrival, SignedIn, begin, disabled};
use super::sign_up::{admit, no_invitation};
use crate::error::Problem;
use crate::model::AccountId;
use crate::server::State;
use crate::server::oidc::{Oidc, Profile, Proven};
use crate::server::passwords::Password;
use crate::server::principal::{Name, Role};
use crate::server::secret::{self, Hash};
use crate::server::store::accounts::{NewAccount, NotMade};
use crate::server::store::audit::Note;
use crate::server::store::identities::{NewIdentity, Owner, Unlinked};
use crate::server::task::owned;

/// This number of equal names get a number as their suffix; further ones get a random suffix.
const NUMBERED: usize = 20;
/// Length of the random suffix of a name.
const LETTERS: usize = 8;

/// Signs in the verified user. A new user gets an account, where sign-up is allowed; a guest account is converted.
///
/// # Errors
/// 403 where the account is disabled or sign-up is closed; 503 where the issuer does not return the user's profile.
pub async fn sign_in_with(
    state: &State,
    oidc: &Oidc,
    arrival: Arrival,
    proven: Proven,
    invitation: Option<Hash>,
) -> Result<SignedIn, Problem> {
    if let Some(owner) = state.store.identity(&proven.issuer, &proven.subject).await? {
        return enter(state, oidc, arrival, owner).await;
    }
    let profile = oidc.profile(&proven).await.map_err(|failure| failure.problem(oidc.name()))?;
    let new = identity(&proven, &profile);
    if let Some(owner) = link_by_address(state, &new).await? {
        return enter(state, oidc, arrival, owner).await;
    }
    if invitation.is_none() {
        admit(state, None).await.map_err(|problem| not_admitted(problem, oidc.name()))?;
    }
    let account = make(state, oidc, &arrival, &new, &profile, invitation).await?;
    begin(state, arrival, account, None).await
}

fn identity(proven: &Proven, profile: &Profile) -> NewIdentity {
    let (issuer, subject) = (proven.issuer.clone(), proven.subject.clone());
    let called = profile.address.clone().or_else(|| profile.names.first().cloned()).unwrap_or_else(|| subject.clone());
    NewIdentity { issuer, subject, address: profile.address.clone(), called }
}

/// Begins a session of the account that the identity belongs to.
async fn enter(state: &State, oidc: &Oidc, arrival: Arrival, owner: Owner) -> Result<SignedIn, Problem> {
    if owner.disabled {
        return Err(disabled());
    }
    let detail = format!("with {}, {}", oidc.name(), arrival.device);
    let (work, note) = (state.clone(), Note::new(&owner.name, "signed in", &owner.name, &detail));
    owned(async move { Ok(work.store.note_again(&note).await?) }).await?;
    begin(state, arrival, owner.account, None).await
}

async fn link_by_address(state: &State, new: &NewIdentity) -> Result<Option<Owner>, Problem> {
    let (work, new) = (state.clone(), new.clone());
    owned(async move { Ok(work.store.link_by_address(&new).await?) }).await
}

fn not_admitted(problem: Problem, issuer: &str) -> Problem {
    let message = match problem {
        Problem::Invalid { .. } => format!(
            "There is no account here for you yet, and signing up takes an invitation: open the link that you were sent, and \
             choose {issuer} there. If you have an account with a password, sign in with it and link {issuer} on its page."
        ),
        Problem::Forbidden(_) => format!(
            "There is no account here for you, and nobody can sign up at the moment. Ask whoever runs this server. If you \
             have an account with a password, sign in with it and link {issuer} on its page."
        ),
        other => return other,
    };
    Problem::Forbidden(message)
}

/// Creates an account for this identity, named as closely to the user's name as is available.
async fn make(
    state: &State,
    oidc: &Oidc,
    arrival: &Arrival,
    new: &NewIdentity,
    profile: &Profile,
    invitation: Option<Hash>,
) -> Result<AccountId, Problem> {
    let mut guest = arrival.who.filter(|who| who.is_guest).map(|who| who.account);
    for name in names(profile)? {
        match make_named(state, oidc, guest, &name, new, invitation).await? {
            Ok(account) => return Ok(account),
            Err(NotMade::NameTaken) => {}
            Err(NotMade::Invitation) => return Err(no_invitation()),
            // The guest has signed up in another tab: its conversations belong to that account, and this is another
            // account.
            Err(NotMade::HasName) => guest = None,
        }
    }
    Err(Problem::Internal)
}

/// The candidate names, best first.
fn names(profile: &Profile) -> Result<Vec<Name>, Problem> {
    let best = profile.names.iter().find_map(|name| Name::like(name));
    let best = best.map_or_else(|| Name::parse("Somebody"), Ok)?;
    let numbered: Vec<_> = (2..NUMBERED).filter_map(|number| best.followed_by(&number.to_string())).collect();
    let random = secret::new()?;
    let last = best.followed_by(&random[..LETTERS]);
    // The first one twice: a guest that turns out to have a name already has used up one attempt.
    Ok([best.clone(), best].into_iter().chain(numbered).chain(last).collect())
}

async fn make_named(
    state: &State,
    oidc: &Oidc,
    guest: Option<AccountId>,
    name: &Name,
    identity: &NewIdentity,
    invitation: Option<Hash>,
) -> Result<Result<AccountId, NotMade>, Problem> {
    let (state, name, identity, issuer) = (state.clone(), name.clone(), identity.clone(), oidc.name().to_owned());
    owned(async move {
        let new = NewAccount { guest, name: &name, password: None, role: Role::Member, invitation };
        Ok(state.store.add_account_of(new, &identity, &issuer).await?)
    })
    .await
}

/// Asks for the password of an account that has one, because a linked identity remains a way to sign in after the
/// session has ended. Returns the proof that it was given, for the callback.
///
/// # Errors
/// 422 for the field `password`, 429 after too many attempts.
pub async fn confirm_link(
    state: &State,
    arrival: &Arrival,
    account: AccountId,
    password: &str,
) -> Result<Hash, Problem> {
    let found = state.store.credentials_of(account).await?;
    let (Some(stored), Some(name)) = (&found.password, &found.name) else { return Ok(proof(account, None)) };
    let password = Password::tried(password, "password")?;
    let attempt = state.throttle.sign_in(Name::parse(name)?.key(), arrival.address, None).await?;
    if !state.passwords.matches(Some(stored.clone()), password).await? {
        return Err(Problem::invalid("password", "This is not your password."));
    }
    attempt.succeeded().await;
    Ok(proof(account, Some(stored)))
}

/// Derived from what only the server has: the password's hash with its salt.
fn proof(account: AccountId, stored: Option<&str>) -> Hash {
    Hash::of(&format!("{account}/{}", stored.unwrap_or_default()))
}

/// Links the verified identity to the account that is signed in.
///
/// # Errors
/// 403 where the password was not given or has changed since; 409 where the identity belongs to another account.
pub async fn link(
    state: &State,
    oidc: &Oidc,
    account: AccountId,
    confirmed: Hash,
    proven: Proven,
) -> Result<(), Problem> {
    let stored = state.store.credentials_of(account).await?.password;
    if proof(account, stored.as_deref()) != confirmed {
        let message = "Your password has changed in between, so nothing was linked. Link it again.";
        return Err(Problem::Forbidden(message.into()));
    }
    let profile = oidc.profile(&proven).await.map_err(|failure| failure.problem(oidc.name()))?;
    let new = identity(&proven, &profile);
    let work = state.clone();
    let is = owned(async move { Ok(work.store.link(account, &new).await?) }).await?;
    if is == account {
        return Ok(());
    }
    let issuer = oidc.name();
    Err(Problem::Conflict(format!(
        "This sign-in at {issuer} belongs to another account here. Sign in with {issuer} to get there, or unlink it there first."
    )))
}

/// Unlinks an identity from an account.
///
/// # Errors
/// 404 where the account has no such identity, 409 where no way to sign in would be left.
pub async fn unlink(state: &State, account: AccountId, identity: &str) -> Result<(), Problem> {
    let (work, identity) = (state.clone(), identity.to_owned());
    let unlinked = owned(async move { Ok(work.store.unlink(account, &identity).await?) }).await?;
    match unlinked {
        Unlinked::Done => Ok(()),
        Unlinked::NotThere => Err(Problem::NotFound),
        Unlinked::OnlyWayIn => {
            Err(Problem::Conflict("This is the only way into your account, so it stays linked.".into()))
        }
    }
}
