//! The administration's pages: accounts, one account, invitations, usage, Pusher clients, the audit log.

mod account;
mod connect;
mod invitations;
mod site;
mod sites;

pub use account::{Detail, account};
pub use connect::{Connect, connect};
pub use invitations::{Asked, invitations};
pub use site::{SitePage, site};
pub use sites::{ListedSite, sites};

use super::form::Hidden;
use super::{Sheet, Width};
use crate::amount::{money, number};
use crate::server::admin::called;
use crate::server::html::Notice;
use crate::server::principal::Owner;
use crate::server::provider::Trouble;
use crate::server::store::accounts::Account;
use crate::server::store::audit::Entry;
use crate::server::store::people::ListedAccount;
use crate::server::store::people::{Search, Spending};
use crate::server::times::{minute, since};
use leptos::prelude::*;
use std::borrow::Cow;

/// The pages, by their paths.
const PAGES: [(&str, &str); 6] = [
    ("/admin", "Accounts"),
    ("/admin/invitations", "Signing up"),
    ("/admin/sites", "Sites"),
    ("/admin/usage", "Usage"),
    ("/admin/connect", "Pusher clients"),
    ("/admin/log", "Log"),
];

fn sheet(
    at: &str,
    title: impl Into<Cow<'static, str>>,
    owner: Owner,
    said: Notice,
    fields: &'static [&'static str],
    body: AnyView,
) -> Sheet {
    let links = PAGES
        .iter()
        .map(|(href, name)| view! { <li><a href=*href aria-current=(*href == at).then_some("page")>{*name}</a></li> })
        .collect_view();
    let body = view! {
        <nav class="tabs" aria-label="Administration"><ul>{links}</ul></nav>
        {body}
    };
    Sheet { title: title.into(), width: Width::Broad, owner: Some(owner), said, fields, body: body.into_any() }
}

/// The list of accounts. `typed` is the search text, as it was typed.
pub fn accounts(
    owner: Owner,
    search: &Search,
    typed: String,
    people: Vec<ListedAccount>,
    next: Option<String>,
    troubles: Vec<Trouble>,
) -> Sheet {
    let none = people.is_empty().then(|| view! { <p class="quiet">"Nobody was found."</p> });
    let rows = people.into_iter().map(person).collect_view();
    let guests = search.guests;
    let other = if guests { ("/admin", "Show people with a name") } else { ("/admin?guests=yes", "Show guests") };
    let more = next.map(|next| {
        view! {
            <form class="row" action="/admin">
                <Hidden name="q" value=typed.clone()/>
                <Hidden name="after" value=next/>
                {guests.then(|| view! { <Hidden name="guests" value="yes".into()/> })}
                <button class="button button--quiet">"Show more"</button>
            </form>
        }
    });
    let body = view! {
        {(!troubles.is_empty()).then(|| failing(troubles))}
        <form class="row" role="search" action="/admin">
            <label for="q">"Name"</label>
            <input class="field field--search" id="q" name="q" type="search" value=typed.clone() autocomplete="off"/>
            <button class="button button--quiet">"Search"</button>
            <a href=other.0>{other.1}</a>
        </form>
        <div class="scroll" tabindex="0" role="region" aria-label="Accounts">
            <table class="list" role="table">
                <thead role="rowgroup"><tr role="row">
                    <th scope="col" role="columnheader">"Name"</th><th scope="col" role="columnheader">"Role"</th><th scope="col" role="columnheader">"Last used"</th>
                    <th scope="col" role="columnheader" class="number">"Tokens this month"</th>
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
        {none}
        {more}
    };
    sheet("/admin", "Accounts", owner, Notice::default(), &[], body.into_any())
}

/// What the operator has to mend at model providers. Users are told only to ask for it.
fn failing(troubles: Vec<Trouble>) -> impl IntoView {
    let row = |trouble: Trouble| {
        let Trouble { provider, at, message } = trouble;
        view! { <li><p>{provider}<span class="quiet">{message}</span><span class="quiet">{format!("Last at {} UTC", minute(&at))}</span></p></li> }
    };
    view! {
        <section aria-labelledby="failing">
            <h2 id="failing">"Model providers that fail"</h2>
            <ul class="rows">{troubles.into_iter().map(row).collect_view()}</ul>
        </section>
    }
}

fn person(listed: ListedAccount) -> impl IntoView {
    let role = match (listed.account.disabled, &listed.account.name) {
        (true, _) => "disabled",
        (false, None) => "guest",
        (false, Some(_)) => listed.account.role.name(),
    };
    let used = listed.last_used_at.map_or_else(|| "never".into(), |used| since(&used));
    view! {
        <tr>
            <th scope="row" role="rowheader">{link(&listed.account)}</th>
            <td role="cell" data-label="Role">{role}</td>
            <td role="cell" data-label="Last used">{used}</td>
            <td role="cell" data-label="Tokens this month" class="number">{number(listed.tokens_this_month)}</td>
        </tr>
    }
}

/// What accounts have used in the last days, by model.
pub fn usage(owner: Owner, days: i64, spending: Vec<Spending>) -> Sheet {
    let lead = format!("The last {days} days, the most first.");
    let body = view! { <p class="lead">{lead}</p>{spent(spending, true)} };
    sheet("/admin/usage", "Usage", owner, Notice::default(), &[], body.into_any())
}

fn spent(spending: Vec<Spending>, with_names: bool) -> impl IntoView {
    if spending.is_empty() {
        return view! { <p class="quiet">"Nothing was used."</p> }.into_any();
    }
    let rows = spending
        .into_iter()
        .map(|it| {
            let about = if it.usage.estimated { "about " } else { "" };
            let name = with_names.then(|| view! { <th scope="row" role="rowheader">{it.account.as_ref().map_or_else(deleted, link)}</th> });
            view! {
                <tr role="row">
                    {name}
                    <td role="cell" data-label="Model">{it.model}</td>
                    <td role="cell" data-label="Replies" class="number">{number(it.replies)}</td>
                    <td role="cell" data-label="Tokens in" class="number">{format!("{about}{}", number(it.usage.input_tokens))}</td>
                    <td role="cell" data-label="Tokens out" class="number">{format!("{about}{}", number(it.usage.output_tokens))}</td>
                    <td role="cell" data-label="Cost" class="number">{it.usage.cost_micros.map(money)}</td>
                </tr>
            }
        })
        .collect_view();
    let name = with_names.then(|| view! { <th scope="col" role="columnheader">"Account"</th> });
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Usage">
            <table class="list" role="table">
                <thead role="rowgroup"><tr role="row">
                    {name}<th scope="col" role="columnheader">"Model"</th><th scope="col" role="columnheader" class="number">"Replies"</th>
                    <th scope="col" role="columnheader" class="number">"Tokens in"</th><th scope="col" role="columnheader" class="number">"Tokens out"</th>
                    <th scope="col" role="columnheader" class="number">"Cost"</th>
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn link(account: &Account) -> AnyView {
    view! { <a href=format!("/admin/accounts/{}", account.id)>{called(account)}</a> }.into_any()
}

/// What deleted accounts have used.
fn deleted() -> AnyView {
    view! { <span class="quiet">"Deleted accounts"</span> }.into_any()
}

/// The audit log, newest first.
pub fn log(owner: Owner, entries: Vec<Entry>, next: Option<String>) -> Sheet {
    let rows = entries
        .into_iter()
        .map(|entry| {
            // An empty cell makes no line on a phone.
            let subject = (!entry.subject.is_empty()).then_some("To whom or what");
            let detail = (!entry.detail.is_empty() || 1 < entry.times).then_some("How");
            let times = (1 < entry.times).then(|| format!(" {} times within an hour", entry.times));
            view! {
                <tr role="row">
                    <td role="cell" data-label="When (UTC)"><time datetime=entry.at.clone()>{minute(&entry.at)}</time></td>
                    <th scope="row" role="rowheader" data-label="Who">{entry.actor}</th>
                    <td role="cell" data-label="Did what">{entry.action}</td>
                    <td role="cell" data-label=subject>{entry.subject}</td>
                    <td role="cell" data-label=detail>{entry.detail}{times}</td>
                </tr>
            }
        })
        .collect_view();
    let older = next.map(|next| view! { <p><a href=format!("/admin/log?before={next}")>"Older ones"</a></p> });
    let body = view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Log">
            <table class="list" role="table">
                <thead role="rowgroup"><tr role="row">
                    <th scope="col" role="columnheader">"When (UTC)"</th><th scope="col" role="columnheader">"Who"</th><th scope="col" role="columnheader">"Did what"</th>
                    <th scope="col" role="columnheader">"To whom or what"</th><th scope="col" role="columnheader">"How"</th>
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
        {older}
    };
    sheet("/admin/log", "Log", owner, Notice::default(), &[], body.into_any())
}
