//! What an admin does to accounts. Every action is written to the audit log with the admin's name.

use super::State;
use super::accounts::set_policy;
use super::principal::{Role, SignUp};
use super::quota::Quota;
use super::secret::{self, Hash};
use super::session::{Admin, Person};
use super::store::accounts::Account;
use super::store::audit::Note;
use super::store::invitations::NewInvitation;
use super::store::revocations::Revoked;
use super::task::owned;
use super::times::ahead;
use crate::error::Problem;
use crate::model::AccountId;
use std::time::Duration;

/// Bounds for an invitation, so that a forgotten one does not stay open for ever.
const MAX_USES: i64 = 1_000;
const MAX_DAYS: u64 = 365;
const MAX_NOTE: usize = 100;

/// An account's name in the log: for a guest, the beginning of its id.
pub fn called(account: &Account) -> String {
    match &account.name {
        Some(name) => name.clone(),
        None => format!("guest {}", &account.id.to_string()[24..]),
    }
}

/// An admin who changes their own role could lock all admins out.
fn other(admin: &Person, id: AccountId, field: &str) -> Result<(), Problem> {
    if admin.who.account == id {
        return Err(Problem::invalid(field, "This is your own account: another admin has to do that."));
    }
    Ok(())
}

fn last(field: &str) -> Problem {
    Problem::invalid(field, "This is the only admin that is left. Make somebody else an admin first.")
}

/// Changes an account's role. All its sessions end: a session belongs to one role.
pub async fn set_role(state: &State, Admin(admin): Admin, id: AccountId, role: Role) -> Result<(), Problem> {
    other(&admin, id, "role")?;
    let account = state.store.account(id).await?;
    if account.name.is_none() {
        return Err(Problem::invalid("role", "A guest has no role."));
    }
    if account.role == role {
        return Ok(());
    }
    let detail = format!("{} to {}", account.role.name(), role.name());
    let note = Note::new(&admin.name, "changed the role", &called(&account), &detail);
    let state = state.clone();
    owned(async move {
        let ended = state.store.set_role(id, role, &note).await?.ok_or_else(|| last("role"))?;
        cut(&state, ended);
        Ok(())
    })
    .await
}

/// Disables or enables an account. Disabling signs it out, refuses its tokens and stops its replies.
pub async fn set_disabled(state: &State, Admin(admin): Admin, id: AccountId, disabled: bool) -> Result<(), Problem> {
    other(&admin, id, "disabled")?;
    let account = state.store.account(id).await?;
    let action = if disabled { "disabled" } else { "enabled" };
    let (state, note) = (state.clone(), Note::new(&admin.name, action, &called(&account), ""));
    owned(async move {
        let ended = state.store.set_disabled(id, disabled, &note).await?.ok_or_else(|| last("disabled"))?;
        cut(&state, ended);
        if disabled {
            state.engine.stop_all(id).await;
        }
        Ok(())
    })
    .await
}

/// Sets the limits of one account. They apply from its next message on.
pub async fn set_quota(state: &State, Admin(admin): Admin, id: AccountId, quota: Quota) -> Result<(), Problem> {
    let account = state.store.account(id).await?;
    let note = Note::new(&admin.name, "set the limits", &called(&account), &words(quota));
    let state = state.clone();
    owned(async move { Ok(state.store.set_quota(id, quota, &note).await?) }).await
}

fn words(quota: Quota) -> String {
    let one = |name: &str, count: Option<u64>| count.map(|count| format!("{name} {count}"));
    let all = [
        one("sends per minute", quota.sends_per_minute.map(|count| count.get().into())),
        one("open replies", quota.open_replies.map(Into::into)),
        one("streams", quota.streams.map(Into::into)),
        one("tokens per day", quota.tokens_per_day),
        one("tokens per month", quota.tokens_per_month),
    ];
    let set: Vec<_> = all.into_iter().flatten().collect();
    if set.is_empty() { "as for everybody".into() } else { set.join(", ") }
}

/// Ends all sessions of an account.
pub async fn end_sessions(state: &State, Admin(admin): Admin, id: AccountId) -> Result<(), Problem> {
    let account = state.store.account(id).await?;
    let state = state.clone();
    owned(async move {
        cut(&state, state.store.sign_out(id, &called(&account), &admin.name).await?);
        Ok(())
    })
    .await
}

/// Ends one session of an account.
pub async fn end_session(state: &State, Admin(admin): Admin, id: AccountId, session: Hash) -> Result<(), Problem> {
    let account = state.store.account(id).await?;
    let note = Note::new(&admin.name, "ended a session", &called(&account), "");
    super::accounts::end_session(state, id, session, Some(note)).await
}

/// Deletes an account with everything in it. `typed` is its name, as a confirmation that it is the right one.
pub async fn delete(state: &State, Admin(admin): Admin, id: AccountId, typed: &str) -> Result<(), Problem> {
    other(&admin, id, "proof")?;
    let account = state.store.account(id).await?;
    if called(&account) != typed.trim() {
        return Err(Problem::invalid("proof", "This is not the name of the account."));
    }
    super::accounts::delete(state, id, Some(admin.name)).await
}

/// An invitation as the form sends it.
pub struct Invite {
    pub note: String,
    pub role: Role,
    pub uses: i64,
    pub days: u64,
}

/// Creates an invitation. The returned secret is shown once and stored only as a hash.
pub async fn invite(state: &State, Admin(admin): Admin, invite: Invite) -> Result<String, Problem> {
    let note = invite.note.split_whitespace().collect::<Vec<_>>().join(" ");
    if MAX_NOTE < note.chars().count() || note.chars().any(char::is_control) {
        return Err(Problem::invalid("note", format!("Keep it under {MAX_NOTE} characters.")));
    }
    if !(1..=MAX_USES).contains(&invite.uses) {
        return Err(Problem::invalid("uses", format!("An invitation is for 1 to {MAX_USES} people.")));
    }
    if !(1..=MAX_DAYS).contains(&invite.days) {
        return Err(Problem::invalid("days", format!("An invitation is open for 1 to {MAX_DAYS} days.")));
    }
    let secret = secret::new()?;
    let (hash, state) = (Hash::of(&secret), state.clone());
    owned(async move {
        let ends_at = ahead(Duration::from_secs(invite.days * 86_400));
        let detail = format!("{}, uses {}, days {}", invite.role.name(), invite.uses, invite.days);
        let entry = Note::new(&admin.name, "made an invitation", &note, &detail);
        let (role, uses) = (invite.role, invite.uses);
        let new = NewInvitation { hash, note: &note, role, uses, ends_at, made_by: Some(admin.who.account) };
        Ok(state.store.add_invitation(new, Some(&entry)).await?)
    })
    .await?;
    Ok(secret)
}

pub async fn end_invitation(state: &State, Admin(admin): Admin, invitation: Hash) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move { Ok(state.store.end_invitation(invitation, &admin.name).await?) }).await
}

pub async fn set_sign_up(state: &State, Admin(admin): Admin, policy: SignUp) -> Result<(), Problem> {
    set_policy(state, policy, &admin.name).await
}

fn cut(state: &State, revoked: Vec<Revoked>) {
    revoked.into_iter().for_each(|revoked| state.grants.revoke(revoked));
}
