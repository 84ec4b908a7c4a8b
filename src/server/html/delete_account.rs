//! The page to delete an account on: what is deleted, what stays, and a confirmation.

use super::form::{Field, Hidden, Sure};
use super::{Sheet, Width};
use crate::model::AccountId;
use crate::server::html::Notice;
use crate::server::principal::Owner;
use crate::server::store::deletion::Holdings;
use leptos::prelude::*;

/// Whose account it is, which decides what is asked for.
pub enum Leaving {
    WithPassword,
    /// An account without a password.
    WithName,
    Guest,
    /// An admin deletes another user's account.
    Other {
        id: AccountId,
        called: String,
    },
}

pub fn page(owner: Option<Owner>, leaving: Leaving, holds: Holdings, said: Notice) -> Sheet {
    let (action, title, button) = match &leaving {
        Leaving::Other { called, .. } => ("/admin/accounts/delete", format!("Delete {called}"), "Delete the account"),
        Leaving::Guest => ("/account/delete", "Delete what you have said here".into(), "Delete all of it"),
        _ => ("/account/delete", "Delete your account".into(), "Delete the account"),
    };
    let copy = (!matches!(leaving, Leaving::Other { .. })).then(|| {
        view! {
            <p class="row"><a class="button button--quiet" href="/account/export">"Download everything first"</a></p>
        }
    });
    let (field, is_guest) = (said.clone(), matches!(leaving, Leaving::Guest));
    let proof = match leaving {
        Leaving::WithPassword => Some(
            view! { <Field form="delete" name="proof" label="Your password" kind="password" autocomplete="current-password" said=field/> }
                .into_any(),
        ),
        Leaving::WithName => Some(view! { <Field form="delete" name="proof" label="The name of your account" said=field/> }.into_any()),
        Leaving::Guest => None,
        Leaving::Other { id, .. } => Some(
            view! {
                <Hidden name="account" value=id.to_string()/>
                <Field form="delete" name="proof" label="What the account is called" said=field/>
            }
            .into_any(),
        ),
    };
    let body = view! {
        <p class="lead">"This goes at once, and nobody can bring it back:"</p>
        <ul class="titles">{goes(holds, is_guest)}</ul>
        <p class="quiet">
            "What stays: messages in other people's conversations, without a name and without images; how many tokens were used, \
             without whose they were; in the log, that an account was deleted; and what backups hold, until they are overwritten."
        </p>
        {copy}
        <form class="form" method="post" action=action>
            {proof}
            <Sure form="delete" name="sure" label="Yes, delete it for good" said=said.clone()/>
            <button class="button button--danger">{button}</button>
        </form>
    };
    let fields = &["delete/proof", "delete/sure"];
    Sheet { title: title.into(), width: Width::Narrow, owner, said, fields, body: body.into_any() }
}

fn goes(holds: Holdings, is_guest: bool) -> impl IntoView {
    let some = |count: i64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    };
    let all = [
        some(holds.conversations, "conversation, with all its messages", "conversations, with all their messages"),
        some(holds.images, "image", "images"),
        some(
            holds.tokens,
            "API token: its program is refused from then on",
            "API tokens: their programs are refused from then on",
        ),
    ];
    let account = (!is_guest).then(|| "the name, the password, limits, and invitations that were made".to_owned());
    let signed = some(holds.sessions, "browser that is signed in", "browsers that are signed in").filter(|_| !is_guest);
    let rest = [signed, account, Some("replies that are being written".to_owned())];
    all.into_iter().chain(rest).flatten().map(|line| view! { <li>{line}</li> }).collect_view()
}

/// The page after the deletion.
pub fn gone() -> Sheet {
    let body = view! {
        <p class="lead">"Everything is deleted, and this browser is signed out."</p>
        <p class="row"><a class="button" href="/">"To the start page"</a></p>
    };
    let said = Notice::default();
    Sheet { title: "It is gone".into(), width: Width::Narrow, owner: None, said, fields: &[], body: body.into_any() }
}
