//! The pages to sign in and sign up on, and the question about a guest's conversations.

use super::form::{Field, Hidden};
use super::oidc::button;
use super::{Sheet, Width};
use crate::server::html::Notice;
use crate::server::html::oidc::IssuerButton;
use leptos::prelude::*;

/// The pages' data besides the values typed.
#[derive(Clone, Debug, Default)]
pub struct SignInPage {
    /// Where to go after signing in: a local path.
    pub next: String,
    /// Whether a user without an invitation can sign up.
    pub may_sign_up: bool,
    pub guests: bool,
    /// The OpenID Connect issuer.
    pub issuer: Option<IssuerButton>,
    /// Conversations of the guest that signs in.
    pub brings: i64,
    /// Whether the invitation creates an admin.
    pub makes_admin: bool,
}

impl SignInPage {
    fn href(&self, page: &str) -> String {
        if self.next == "/" { page.to_owned() } else { format!("{page}?next={}", self.next) }
    }
}

pub fn sign_in(door: SignInPage, name: String, said: Notice) -> Sheet {
    let known = !name.is_empty();
    let up = door.may_sign_up.then(|| view! { <p>"New here? "<a href=door.href("/sign-up")>"Sign up"</a></p> });
    let guest = door.guests.then(|| view! { <p><a href="/">"Go on without an account"</a></p> });
    let leave = (door.guests && 0 < door.brings)
        .then(|| view! { <p><a href="/account/delete">"Take along or delete what I have said here"</a></p> });
    let body = view! {
        <form class="form" method="post" action="/sign-in">
            <Hidden name="next" value=door.next.clone()/>
            <Field form="in" name="name" label="Name" value=name autocomplete="username" first=!known said=said.clone()/>
            <Field form="in" name="password" label="Password" kind="password" autocomplete="current-password" first=known said=said.clone()/>
            <button class="button">"Sign in"</button>
            {button(door.issuer.clone(), "Sign in")}
        </form>
        <div class="aside">{up}{guest}{leave}</div>
    };
    let fields = &["in/name", "in/password"];
    Sheet { title: "Sign in".into(), width: Width::Narrow, owner: None, said, fields, body: body.into_any() }
}

/// How an invitation reaches the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invited {
    /// It is not asked for.
    No,
    /// It came with the link.
    With(String),
    /// It has to be typed in.
    Asked(String),
}

pub fn sign_up(door: SignInPage, name: String, invited: Invited, said: Notice) -> Sheet {
    let brings = words_for_brought(door.brings).map(|words| view! { <p class="lead">{words}</p> });
    let wrong = said.fault("up", "invitation").is_some();
    let invitation = match invited {
        Invited::No => None,
        Invited::With(link) if !wrong => Some(view! { <Hidden name="invitation" value=link/> }.into_any()),
        Invited::With(typed) | Invited::Asked(typed) => Some(
            view! { <Field form="up" name="invitation" label="Invitation" value=typed said=said.clone() hint="What you were sent: it is the end of the link."/> }
                .into_any(),
        ),
    };
    let admin = door.makes_admin.then(|| {
        view! { <p class="lead">"You become an admin of this server: you see and change its accounts, limits and invitations."</p> }
    });
    let body = view! {
        {admin}
        {brings}
        <form class="form" method="post" action="/sign-up">
            <Hidden name="next" value=door.next.clone()/>
            {invitation}
            <Field form="up" name="name" label="Name" value=name autocomplete="username" first=true said=said.clone()
                hint="What you sign in with. Others on this server may see it."/>
            <Field form="up" name="password" label="Password" kind="password" autocomplete="new-password" said=said.clone()
                hint="At least 8 characters. A few words in a row are good."/>
            <button class="button">"Sign up"</button>
            {button(door.issuer.clone(), "Sign up")}
        </form>
        <div class="aside"><p>"Signed up already? "<a href=door.href("/sign-in")>"Sign in"</a></p></div>
    };
    let fields = &["up/name", "up/password", "up/invitation"];
    Sheet { title: "Sign up".into(), width: Width::Narrow, owner: None, said, fields, body: body.into_any() }
}

fn words_for_brought(count: i64) -> Option<String> {
    match count {
        0 => None,
        1 => Some("The conversation that you have begun here comes along.".into()),
        _ => Some(format!("The {count} conversations that you have begun here come along.")),
    }
}

/// The page where sign-up is closed.
pub fn closed(door: SignInPage, said: Notice) -> Sheet {
    let body = view! {
        <p class="lead">"Nobody can sign up here at the moment. Ask whoever runs this server for an account."</p>
        <div class="aside"><p>"Signed up already? "<a href=door.href("/sign-in")>"Sign in"</a></p></div>
    };
    Sheet { title: "Sign up".into(), width: Width::Narrow, owner: None, said, fields: &[], body: body.into_any() }
}

/// Asks what to do with the conversations that a guest began before signing in.
pub fn merge(next: String, count: i64, titles: Vec<String>) -> Sheet {
    let lead = match count {
        1 => "Before you signed in, you began a conversation in this browser.".to_owned(),
        _ => format!("Before you signed in, you began {count} conversations in this browser."),
    };
    let titles = titles.into_iter().map(|title| view! { <li><bdi>{title}</bdi></li> }).collect_view();
    let body = view! {
        <p class="lead">{lead}</p>
        <ul class="titles">{titles}</ul>
        <form class="form" method="post" action="/account/conversations">
            <Hidden name="next" value=next/>
            <div class="row">
                <button class="button" name="keep" value="yes" autofocus>"Keep in my account"</button>
                <button class="button button--danger" name="keep" value="no">"Delete for good"</button>
            </div>
        </form>
    };
    let said = Notice::default();
    Sheet {
        title: "What you began here".into(),
        width: Width::Narrow,
        owner: None,
        said,
        fields: &[],
        body: body.into_any(),
    }
}
