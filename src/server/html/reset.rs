//! The page that a link for a new password leads to.

use super::form::{Field, Hidden};
use super::{Sheet, Width};
use crate::server::html::Notice;
use crate::server::store::identities::Identity;
use leptos::prelude::*;

/// `name` is the account's name, `link` the secret of the link.
pub fn page(name: String, link: String, said: Notice) -> Sheet {
    let lead =
        format!("Choose a new password for {name}. Every browser that is signed in with the account is signed out.");
    let body = view! {
        <p class="lead">{lead}</p>
        <form class="form" method="post" action="/reset-password">
            <Hidden name="link" value=link/>
            // For the browser's password manager.
            <input class="unseen" type="text" name="name" value=name autocomplete="username" tabindex="-1" aria-hidden="true" readonly/>
            <Field form="reset" name="password" label="New password" kind="password" autocomplete="new-password" first=true said=said.clone()
                hint="At least 8 characters. A few words in a row are good."/>
            <button class="button">"Set the password"</button>
        </form>
    };
    let fields = &["reset/password"];
    Sheet { title: "A new password".into(), width: Width::Narrow, owner: None, said, fields, body: body.into_any() }
}

/// The page for a link that is used, expired or unknown.
pub fn over(said: Notice) -> Sheet {
    let lead = said.problem.is_none().then(|| {
        view! { <p class="lead">"This link was used or has expired. Ask whoever runs this server for another."</p> }
    });
    let body = view! {
        {lead}
        <div class="aside"><p><a href="/sign-in">"Sign in"</a></p></div>
    };
    Sheet {
        title: "A new password".into(),
        width: Width::Narrow,
        owner: None,
        said,
        fields: &[],
        body: body.into_any(),
    }
}

/// The page after the password is set. `identities` are linked identities, which can still sign in.
pub fn done(identities: Vec<Identity>) -> Sheet {
    let rows: Vec<_> =
        identities.into_iter().map(|it| view! { <li>{format!("{} at {}", it.called, it.issuer)}</li> }).collect();
    let others = (!rows.is_empty()).then(|| {
        view! {
            <p>"Besides the password, these are still ways into the account:"</p>
            <ul>{rows}</ul>
            <p>"If one of them is not yours, unlink it on the page of your account."</p>
        }
    });
    let body = view! {
        <p class="lead">"The new password is set."</p>
        {others}
        <p class="row"><a class="button" href="/sign-in">"Sign in"</a></p>
    };
    let said = Notice::default();
    Sheet {
        title: "A new password".into(),
        width: Width::Narrow,
        owner: None,
        said,
        fields: &[],
        body: body.into_any(),
    }
}
