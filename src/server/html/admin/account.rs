//! One account, as an admin sees it.

use super::spent;
use crate::model::AccountId;
use crate::server::admin::called;
use crate::server::html::Notice;
use crate::server::html::Sheet;
use crate::server::html::form::{Choice, Field, Hidden};
use crate::server::principal::{Owner, Role};
use crate::server::quota::Quota;
use crate::server::store::accounts::Account;
use crate::server::store::people::Spending;
use crate::server::store::sessions::Session;
use crate::server::times::{day, minute, since};
use leptos::prelude::*;

/// The page's data.
pub struct Detail {
    pub account: Account,
    pub quota: Quota,
    pub sessions: Vec<Session>,
    /// Of the last 30 days.
    pub spending: Vec<Spending>,
    /// A newly created link for a new password, shown only now.
    pub link: Option<String>,
    /// When that link expires.
    pub reset: Option<String>,
}

pub fn account(owner: Owner, detail: Detail, said: Notice) -> Sheet {
    let Detail { account, quota, sessions, spending, link, reset } = detail;
    let id = account.id;
    let state = match (account.disabled, account.name.is_some()) {
        (true, _) => "disabled",
        (false, true) => account.role.name(),
        (false, false) => "guest",
    };
    let lead = format!("{state}, since {}", day(&account.created_at).trim_start_matches("on "));
    let role = account.name.is_some().then(|| role(id, account.role));
    let way_in = account.name.clone().map(|name| way_in(id, name, account.disabled, link, reset, said.clone()));
    let body = view! {
        <p class="lead">{lead}</p>
        <section aria-label="Role and access">
            {role}
            {access(id, account.disabled)}
        </section>
        {way_in}
        {limits(id, quota, said.clone())}
        {browsers(id, sessions)}
        <section aria-labelledby="used"><h2 id="used">"Used in the last 30 days"</h2>{spent(spending, false)}</section>
        <section aria-labelledby="delete">
            <h2 id="delete">"Delete"</h2>
            <p class="row"><a class="button button--danger" href=format!("/admin/accounts/{id}/delete")>"Delete the account"</a></p>
        </section>
    };
    let fields = &[
        "rename/name",
        "limits/sends_per_minute",
        "limits/open_replies",
        "limits/streams",
        "limits/tokens_per_day",
        "limits/tokens_per_month",
    ];
    super::sheet("", called(&account), owner, said, fields, body.into_any())
}

fn role(id: AccountId, role: Role) -> impl IntoView {
    let options = Role::ALL.map(|role| (role.name(), role.name())).into();
    view! {
        <form class="row row--end" method="post" action="/admin/accounts/role">
            <Hidden name="account" value=id.to_string()/>
            <Choice form="role" name="role" label="Role" options chosen=role.name()/>
            <button class="button button--quiet">"Change the role"</button>
        </form>
        <p class="hint">"With another role the account is signed out everywhere, and signs in again."</p>
    }
}

fn access(id: AccountId, disabled: bool) -> impl IntoView {
    let (value, name, class) = match disabled {
        true => ("no", "Enable the account", "button button--quiet"),
        false => ("yes", "Disable the account", "button button--danger"),
    };
    view! {
        <form method="post" action="/admin/accounts/disabled">
            <Hidden name="account" value=id.to_string()/>
            <button class=class name="disabled" value=value>{name}</button>
        </form>
    }
}

fn way_in(
    id: AccountId,
    name: String,
    disabled: bool,
    link: Option<String>,
    reset: Option<String>,
    said: Notice,
) -> impl IntoView {
    let made = link.map(|link| {
        let href = link.clone();
        view! {
            <div class="done" role="status">
                <p>"Hand this link to whom the account belongs to. It sets a new password, once, and is not shown again."</p>
                <p><a class="token" href=href autofocus>{link}</a></p>
            </div>
        }
    });
    let open = reset.map(|ends_at| view! { <p class="quiet">{format!("There is a link that can be used until {} UTC.", minute(&ends_at))}</p> });
    let reset = (!disabled).then(|| {
        view! {
            <form method="post" action="/admin/accounts/reset">
                <Hidden name="account" value=id.to_string()/>
                <button class="button button--quiet">"Make a link for a new password"</button>
            </form>
        }
    });
    view! {
        <section aria-labelledby="way-in">
            <h2 id="way-in">"Name and password"</h2>
            <form class="form form--pair" method="post" action="/admin/accounts/name">
                <Hidden name="account" value=id.to_string()/>
                <Field form="rename" name="name" label="Name" value=name said=said/>
                <button class="button button--quiet">"Change the name"</button>
            </form>
            {made}
            {open}
            {reset}
        </section>
    }
}

fn limits(id: AccountId, quota: Quota, said: Notice) -> impl IntoView {
    let text = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    let fields = [
        ("sends_per_minute", "Messages per minute", text(quota.sends_per_minute.map(|count| count.get().into()))),
        ("open_replies", "Open replies", text(quota.open_replies.map(Into::into))),
        ("streams", "Streams", text(quota.streams.map(Into::into))),
        ("tokens_per_day", "Tokens per day", text(quota.tokens_per_day)),
        ("tokens_per_month", "Tokens per month", text(quota.tokens_per_month)),
    ];
    let fields = fields
        .into_iter()
        .map(|(name, label, value)| {
            view! { <Field form="limits" name label value kind="number" required=false said=said.clone()/> }
        })
        .collect_view();
    view! {
        <section aria-labelledby="limits">
            <h2 id="limits">"Limits"</h2>
            <p class="quiet">"An empty field means: as the server's settings have it for everybody."</p>
            <form class="form form--grid" method="post" action="/admin/accounts/limits">
                <Hidden name="account" value=id.to_string()/>
                {fields}
                <button class="button button--quiet">"Set the limits"</button>
            </form>
        </section>
    }
}

fn browsers(id: AccountId, sessions: Vec<Session>) -> impl IntoView {
    let end = (!sessions.is_empty()).then(|| {
        view! {
            <form method="post" action="/admin/accounts/sessions/end">
                <Hidden name="account" value=id.to_string()/>
                <button class="button button--danger">"Sign out everywhere"</button>
            </form>
        }
    });
    let none = sessions.is_empty().then(|| view! { <p class="quiet">"Nowhere."</p> });
    let rows = sessions
        .into_iter()
        .map(|session| {
            let device = if session.device.is_empty() { "A browser".to_owned() } else { session.device };
            let used = format!("last used {}, signed in {}", since(&session.last_used_at), day(&session.created_at));
            view! {
                <li>
                    <p>{device.clone()}<span class="quiet">{used}</span></p>
                    <form method="post" action="/admin/accounts/sessions/end-one">
                        <Hidden name="account" value=id.to_string()/>
                        <Hidden name="session" value=session.hash.to_string()/>
                        <button class="button button--quiet">"Sign out"<span class="unseen">" of "{device}</span></button>
                    </form>
                </li>
            }
        })
        .collect_view();
    view! {
        <section aria-labelledby="browsers">
            <h2 id="browsers">"Where it is signed in"</h2>
            {none}
            <ul class="rows">{rows}</ul>
            {end}
        </section>
    }
}
