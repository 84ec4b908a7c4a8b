//! Signing up: open to everybody, by invitation only, or closed.

use super::sign_in::{Arrival, SignedIn, begin};
use crate::error::Problem;
use crate::server::State;
use crate::server::passwords::Password;
use crate::server::principal::{Name, Role, SignUp};
use crate::server::secret::{self, Hash};
use crate::server::store::accounts::{NewAccount, NotMade};
use crate::server::store::audit::Note;
use crate::server::store::invitations::NewInvitation;
use crate::server::task::owned;
use crate::server::times::ahead;
use std::time::Duration;

/// The key under which the admins' policy is stored.
const SETTING: &str = "sign_up";
/// How long the link for the first admin is valid. The next start without an admin prints another.
const FIRST_ADMIN: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The current policy: the admins' choice, or else the setting.
pub async fn policy(state: &State) -> Result<SignUp, Problem> {
    let set = state.store.setting(SETTING).await?;
    Ok(set.and_then(|set| SignUp::parse(&set)).unwrap_or_else(|| state.settings.sign_up()))
}

/// Sets the policy. `by` is the actor.
pub async fn set_policy(state: &State, policy: SignUp, by: &str) -> Result<(), Problem> {
    let (state, note) = (state.clone(), Note::new(by, "set who may sign up", "", policy.name()));
    owned(async move { Ok(state.store.set_setting(SETTING, policy.name(), &note).await?) }).await
}

/// A sign-up as the form sends it.
pub struct NewPerson<'a> {
    pub name: &'a str,
    pub password: &'a str,
    pub invitation: Option<&'a str>,
}

/// Creates an account with a name and signs in. A guest keeps its conversations.
///
/// # Errors
/// 422 for an invalid field, 403 where an invitation is required, 429 after too many attempts.
pub async fn sign_up(state: &State, arrival: Arrival, new: NewPerson<'_>) -> Result<SignedIn, Problem> {
    let invitation = new.invitation.map(Hash::of);
    let name = Name::parse(new.name)?;
    let password = Password::parse(new.password, "password")?;
    let _counted = state.throttle.other(arrival.address).await?;
    admit(state, invitation).await?;
    let password = state.passwords.hash(password).await?;
    let guest = arrival.who.filter(|who| who.is_guest).map(|who| who.account);
    let work = state.clone();
    let made = owned(async move {
        let new = NewAccount { guest, name: &name, password: Some(password), role: Role::Member, invitation };
        Ok(work.store.add_account(new).await?)
    })
    .await?;
    match made {
        Ok((account, _)) => begin(state, arrival, account, None).await,
        Err(NotMade::NameTaken) => Err(Problem::invalid("name", "This name is taken. Choose another.")),
        Err(NotMade::Invitation) => Err(no_invitation()),
        Err(NotMade::HasName) => {
            let message = "You have signed up already, in another tab of this browser. Sign in with that name.";
            Err(Problem::Conflict(message.into()))
        }
    }
}

/// Checked before the password is hashed; the invitation is used up when the account is created.
pub(super) async fn admit(state: &State, invitation: Option<Hash>) -> Result<(), Problem> {
    if let Some(invitation) = invitation {
        let open = state.store.open_invitation(invitation).await?;
        return open.map(drop).ok_or_else(no_invitation);
    }
    match policy(state).await? {
        SignUp::Open => Ok(()),
        SignUp::Invitation => Err(Problem::invalid("invitation", "Signing up here takes an invitation. Ask for one.")),
        SignUp::Closed => Err(Problem::Forbidden("Nobody can sign up here at the moment.".into())),
    }
}

pub(super) fn no_invitation() -> Problem {
    Problem::invalid("invitation", "This invitation is not valid any more. Ask for a new one.")
}

/// The invitation that creates the first admin, where there is none yet. It is printed once, at the start.
pub async fn first_admin(state: &State) -> Result<Option<String>, Problem> {
    if state.store.has_admin().await? {
        return Ok(None);
    }
    let invitation = secret::new()?;
    let new = NewInvitation {
        hash: Hash::of(&invitation),
        note: "the first admin",
        role: Role::Admin,
        uses: 1,
        ends_at: ahead(FIRST_ADMIN),
        made_by: None,
    };
    state.store.add_invitation(new, None).await?;
    Ok(Some(invitation))
}
