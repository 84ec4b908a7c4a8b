//! The pages of signing in with an issuer: the way there, what went wrong, and what is linked to an account.

use super::form::{Field, Hidden};
use super::{Sheet, Width};
use crate::error::Problem;
use crate::server::html::Notice;
use crate::server::store::identities::Identity;
use crate::server::times::day;
use leptos::prelude::*;
use reqwest::Url;

/// An OpenID Connect issuer, as the sign-in pages show it.
#[derive(Clone, Debug)]
pub struct IssuerButton {
    pub name: String,
    pub is_reachable: bool,
}

/// The button that submits its form to the issuer instead; or a note that the issuer does not answer.
pub(super) fn button(issuer: Option<IssuerButton>, does: &'static str) -> Option<AnyView> {
    let IssuerButton { name, is_reachable } = issuer?;
    let view = if is_reachable {
        view! {
            <button class="button button--quiet" formaction="/sign-in/oidc" formnovalidate>{format!("{does} with {name}")}</button>
        }
        .into_any()
    } else {
        let words =
            format!("{name} cannot be reached at the moment. To sign in with it, load this page again in a minute.");
        view! { <p class="quiet">{words}</p> }.into_any()
    };
    Some(view)
}

/// The page that forwards the browser to the issuer.
pub fn on_the_way(name: &str, to: &Url) -> Sheet {
    let words = format!("Go on to {name}");
    let body = view! {
        <p class="lead">"Your browser is being sent on. If it stays here:"</p>
        <p><a class="button" href=to.to_string() autofocus>{words}</a></p>
    };
    Sheet {
        title: format!("To {name}").into(),
        width: Width::Narrow,
        owner: None,
        said: Notice::default(),
        fields: &[],
        body: body.into_any(),
    }
}

/// The page that says why signing in failed. `page` is where to begin again.
pub fn failed(page: &'static str, next: &str, invited: bool, problem: Problem) -> Sheet {
    let href = if next == "/" || page != "/sign-in" { page.to_owned() } else { format!("{page}?next={next}") };
    let back = if page == "/sign-in" { "Back to signing in" } else { "Back to your account" };
    let invited =
        invited.then(|| view! { <p class="quiet">"If you were invited, open the link that you were sent again."</p> });
    let body = view! {
        {invited}
        <p><a class="button" href=href>{back}</a></p>
    };
    let title = if page == "/sign-in" { "Not signed in" } else { "That did not work" };
    let said = Notice::problem("", problem);
    Sheet { title: title.into(), width: Width::Narrow, owner: None, said, fields: &[], body: body.into_any() }
}

/// The linked identities that an account's page shows.
pub struct Linked {
    /// The configured issuer's name for users.
    pub name: Option<String>,
    pub issuer: String,
    pub identities: Vec<Identity>,
    pub has_password: bool,
}

/// The section of an account's page. Empty where there is no issuer and nothing linked.
pub(super) fn section(linked: Linked, said: &Notice) -> Option<AnyView> {
    let Linked { name, issuer, identities, has_password } = linked;
    if name.is_none() && identities.is_empty() {
        return None;
    }
    let only = !has_password && identities.len() == 1;
    let to_link = name.clone().filter(|_| !identities.iter().any(|it| it.issuer == issuer)).map(|name| {
        view! {
            <form class="form form--pair" method="post" action="/account/identities/link">
                {has_password.then(|| view! {
                    <Field form="link" name="password" label="Your password" kind="password" autocomplete="current-password" said=said.clone()/>
                })}
                <button class="button button--quiet">{format!("Link {name}")}</button>
            </form>
        }
    });
    let rows = identities
        .into_iter()
        .map(|identity| {
            let at = name.clone().filter(|_| identity.issuer == issuer).unwrap_or_else(|| identity.issuer.clone());
            row(identity, at, only)
        })
        .collect_view();
    let no_password = (!has_password).then(|| view! { <p class="quiet">"Your account has no password."</p> });
    Some(
        view! {
            <section aria-labelledby="identities">
                <h2 id="identities">"Signing in elsewhere"</h2>
                <ul class="rows">{rows}</ul>
                {to_link}
                {no_password}
            </section>
        }
        .into_any(),
    )
}

fn row(identity: Identity, at: String, only: bool) -> impl IntoView {
    let Identity { id, called, created_at, .. } = identity;
    let told = if only {
        format!("{at}, linked {}; the only way into your account", day(&created_at))
    } else {
        format!("{at}, linked {}", day(&created_at))
    };
    let unlink = (!only).then(|| {
        view! {
            <form method="post" action="/account/identities/unlink">
                <Hidden name="identity" value=id/>
                <button class="button button--danger">"Unlink"<span class="unseen">" "{called.clone()}</span></button>
            </form>
        }
    });
    view! {
        <li>
            <p>{called.clone()}<span class="quiet">{told}</span></p>
            {unlink}
        </li>
    }
}
