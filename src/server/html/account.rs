//! An account's own page: its password, its sessions, its API tokens.

use super::form::{Choice, Field, Hidden};
use super::oidc::{Linked, section};
use super::{Sheet, Width};
use crate::server::html::Notice;
use crate::server::principal::Owner;
use crate::server::secret::Hash;
use crate::server::store::sessions::Session;
use crate::server::store::tokens::Token;
use crate::server::times::{day, since};
use leptos::prelude::*;

/// The page's data.
pub struct AccountPage {
    pub owner: Owner,
    pub sessions: Vec<Session>,
    /// The caller's session.
    pub here: Hash,
    pub linked: Linked,
    pub tokens: Vec<Token>,
    /// A newly created token, shown only now.
    pub made: Option<String>,
    /// A guest's conversations that the user still has to decide about.
    pub brings: i64,
}

pub fn page(content: AccountPage, said: Notice) -> Sheet {
    let brings = (0 < content.brings).then(|| {
        view! { <p class="done"><a href="/account/conversations">"There are conversations from before you signed in."</a></p> }
    });
    let name = content.owner.name.clone();
    let has_password = content.linked.has_password;
    let body = view! {
        {brings}
        <div class="row row--between">
            <p class="lead">"Signed in as "<strong>{name}</strong>", "{content.owner.role.name()}</p>
            <form method="post" action="/sign-out"><button class="button button--quiet">"Sign out"</button></form>
        </div>
        {sessions(content.sessions, content.here)}
        {has_password.then(|| password(content.owner.name.clone(), said.clone()))}
        {section(content.linked, &said)}
        {tokens(content.tokens, content.made, said.clone())}
        {rename(content.owner.name.clone(), said.clone())}
        {data()}
    };
    let fields = &["password/old", "password/new", "link/password", "token/name", "rename/name"];
    let owner = Some(content.owner);
    Sheet { title: "Your account".into(), width: Width::Text, owner, said, fields, body: body.into_any() }
}

fn sessions(sessions: Vec<Session>, here: Hash) -> impl IntoView {
    let others = 1 < sessions.len();
    let rows = sessions.into_iter().map(|session| row(session, here)).collect_view();
    view! {
        <section aria-labelledby="sessions">
            <h2 id="sessions">"Where you are signed in"</h2>
            <ul class="rows">{rows}</ul>
            {others.then(|| view! {
                <form method="post" action="/account/sessions/end-others">
                    <button class="button button--quiet">"Sign out everywhere else"</button>
                </form>
            })}
        </section>
    }
}

fn row(session: Session, here: Hash) -> impl IntoView {
    let device = if session.device.is_empty() { "A browser".to_owned() } else { session.device };
    let used = if session.hash == here {
        "this one".to_owned()
    } else {
        format!("last used {}", since(&session.last_used_at))
    };
    let end = (session.hash != here).then(|| {
        view! {
            <form method="post" action="/account/sessions/end">
                <Hidden name="session" value=session.hash.to_string()/>
                <button class="button button--quiet">"Sign out"<span class="unseen">" of "{device.clone()}</span></button>
            </form>
        }
    });
    view! {
        <li>
            <p>{device.clone()}<span class="quiet">{format!("{used}, signed in {}", day(&session.created_at))}</span></p>
            {end}
        </li>
    }
}

fn password(name: String, said: Notice) -> impl IntoView {
    view! {
        <section aria-labelledby="password">
            <h2 id="password">"Password"</h2>
            <form class="form" method="post" action="/account/password">
                // For the browser's password manager.
                <input class="unseen" type="text" name="name" value=name autocomplete="username" tabindex="-1" aria-hidden="true" readonly/>
                <Field form="password" name="old" label="Password now" kind="password" autocomplete="current-password" said=said.clone()/>
                <Field form="password" name="new" label="New password" kind="password" autocomplete="new-password" said=said.clone()
                    hint="At least 8 characters. You are then signed out everywhere else."/>
                <button class="button button--quiet">"Change the password"</button>
            </form>
        </section>
    }
}

fn rename(name: String, said: Notice) -> impl IntoView {
    view! {
        <section aria-labelledby="rename">
            <h2 id="rename">"Name"</h2>
            <form class="form form--pair" method="post" action="/account/name">
                <Field form="rename" name="name" label="What you sign in with" value=name autocomplete="username" said=said/>
                <button class="button button--quiet">"Change the name"</button>
            </form>
        </section>
    }
}

fn tokens(tokens: Vec<Token>, made: Option<String>, said: Notice) -> impl IntoView {
    let made = made.map(|token| {
        view! {
            <div class="done" role="status">
                <p>"Copy the new token now. It is not shown again."</p>
                <p><code class="token" tabindex="0" autofocus>{token}</code></p>
            </div>
        }
    });
    let rows = tokens.into_iter().map(token).collect_view();
    let scopes = vec![("read", "Only read"), ("write", "Read and write")];
    view! {
        <section aria-labelledby="tokens">
            <h2 id="tokens">"API tokens"</h2>
            <p class="quiet">"For programs: send one as "<code>"Authorization: Bearer …"</code>"."</p>
            {made}
            <ul class="rows">{rows}</ul>
            <form class="form form--row" method="post" action="/account/tokens">
                <Field form="token" name="name" label="What it is for" said=said.clone()/>
                <Choice form="token" name="scope" label="What it may do" options=scopes chosen="read"/>
                <button class="button button--quiet">"Make a token"</button>
            </form>
        </section>
    }
}

fn data() -> impl IntoView {
    view! {
        <section aria-labelledby="data">
            <h2 id="data">"Your data"</h2>
            <p class="quiet">"A zip archive with everything that is kept of this account: conversations to read and as JSON, what you wrote in others', images, usage."</p>
            <p class="row">
                <a class="button button--quiet" href="/account/export">"Download everything"</a>
                <a class="button button--danger" href="/account/delete">"Delete the account"</a>
            </p>
        </section>
    }
}

fn token(token: Token) -> impl IntoView {
    let used = match &token.last_used_at {
        Some(used) => format!("last used {}", since(used)),
        None => "never used".into(),
    };
    let may = match token.scope.name() {
        "read" => "only reads",
        _ => "reads and writes",
    };
    let name = token.name.clone();
    view! {
        <li>
            <p>{token.name}<span class="quiet">{format!("{may}, made {}, {used}", day(&token.created_at))}</span></p>
            <form method="post" action="/account/tokens/end">
                <Hidden name="token" value=token.hash.to_string()/>
                <button class="button button--danger">"Revoke"<span class="unseen">" "{name}</span></button>
            </form>
        </li>
    }
}
