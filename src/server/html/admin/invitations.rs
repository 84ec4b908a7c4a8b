//! The sign-up policy, and invitations.

use crate::server::html::Notice;
use crate::server::html::Sheet;
use crate::server::html::form::{Choice, Field, Hidden};
use crate::server::principal::{Owner, Role, SignUp};
use crate::server::store::invitations::Invitation;
use crate::server::times::day;
use leptos::prelude::*;

/// The values typed into the form for a new invitation.
pub struct Asked {
    pub note: String,
    pub uses: String,
    pub days: String,
}

impl Default for Asked {
    fn default() -> Self {
        Self { note: String::new(), uses: "1".into(), days: "7".into() }
    }
}

/// `made` is the link of a newly created invitation, shown only now.
pub fn invitations(
    owner: Owner,
    policy: SignUp,
    invitations: Vec<Invitation>,
    made: Option<String>,
    asked: Asked,
    said: Notice,
) -> Sheet {
    let made = made.map(|link| {
        let href = link.clone();
        view! {
            <div class="done" role="status">
                <p>"Copy this link and send it to whom you invite. It is not shown again."</p>
                <p><a class="token" href=href autofocus>{link}</a></p>
            </div>
        }
    });
    let rows = invitations.into_iter().map(row).collect_view();
    let roles = Role::ALL.map(|role| (role.name(), role.name())).into();
    let body = view! {
        {who(policy)}
        <section aria-labelledby="invitations">
            <h2 id="invitations">"Invitations"</h2>
            {made}
            <ul class="rows">{rows}</ul>
            <form class="form form--grid" method="post" action="/admin/invitations">
                <Field form="invite" name="note" label="For whom" value=asked.note required=false said=said.clone()/>
                <Choice form="invite" name="role" label="Who takes it becomes" options=roles chosen="member"/>
                <Field form="invite" name="uses" label="For how many people" kind="number" value=asked.uses said=said.clone()/>
                <Field form="invite" name="days" label="For how many days" kind="number" value=asked.days said=said.clone()/>
                <button class="button">"Make an invitation"</button>
            </form>
        </section>
    };
    let fields = &["invite/note", "invite/uses", "invite/days"];
    super::sheet("/admin/invitations", "Signing up", owner, said, fields, body.into_any())
}

fn who(policy: SignUp) -> impl IntoView {
    let options =
        vec![("open", "Everybody"), ("invitation", "Users with an invitation"), ("closed", "Nobody, for the moment")];
    view! {
        <form class="row row--end" method="post" action="/admin/sign-up">
            <Choice form="policy" name="policy" label="Who may sign up" options chosen=policy.name()/>
            <button class="button button--quiet">"Set"</button>
        </form>
    }
}

fn row(invitation: Invitation) -> impl IntoView {
    let name = if invitation.note.is_empty() { "An invitation".to_owned() } else { invitation.note.clone() };
    let until = invitation.ends_at.get(..10).unwrap_or_default();
    let state = match (invitation.is_open(), invitation.used < invitation.uses, invitation.counts) {
        (true, ..) => format!("open until {until}"),
        (false, false, _) => "used up".into(),
        (false, true, true) => format!("over since {until}"),
        (false, true, false) => "invalid, because its creator is no longer an admin".into(),
    };
    let said = format!(
        "{}, taken {} of {} times, {state}, made {}",
        invitation.role.name(),
        invitation.used,
        invitation.uses,
        day(&invitation.created_at)
    );
    view! {
        <li>
            <p>{name.clone()}<span class="quiet">{said}</span></p>
            <form method="post" action="/admin/invitations/end">
                <Hidden name="invitation" value=invitation.hash.to_string()/>
                <button class="button button--danger">"Withdraw"<span class="unseen">" "{name}</span></button>
            </form>
        </li>
    }
}
