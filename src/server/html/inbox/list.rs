//! The list of the inbox: its queues with their counts, and a row of two lines for each conversation.

use super::{Listed, Place};
use crate::contract::site::{InboxRow, SiteName};
use crate::model::{AccountId, AssignmentState, ConversationId, Role};
use crate::server::times::since;
use leptos::prelude::*;

/// The lists of the inbox: their names in the address, and for people.
const QUEUES: [(&str, &str); 5] =
    [("waiting", "Waiting"), ("mine", "Mine"), ("assistant", "Assistant"), ("open", "All open"), ("closed", "Closed")];
/// A visitor who has waited this long is marked, in minutes.
const LATE_MINUTES: u32 = 5;

pub(super) fn list(place: &Place, listed: &Listed, me: AccountId) -> impl IntoView + use<> {
    let Listed { rows, counts, next, sites } = listed;
    let tabs = QUEUES.map(|(name, label)| {
        let count =
            counts.get(name).filter(|_| name != "closed").map(|count| view! { <span class="count">{*count}</span> });
        let current = (name == place.queue).then_some("page");
        let to = Place { queue: name.to_owned(), open: None, ..place.clone() };
        view! { <li><a href=to.href(None) aria-current=current>{label}" "{count}</a></li> }
    });
    let nothing = rows.is_empty().then(|| nothing(place, sites)).flatten();
    let rows = rows.iter().map(|it| row(place, it, sites, me)).collect_view();
    let more = next.as_ref().map(|next| {
        let href = format!("{}&cursor={next}", place.href(None));
        view! { <p class="more-rows"><a class="button button--quiet" href=href data-more="">"Show more"</a></p> }
    });
    let waiting = counts.get("waiting").copied().unwrap_or_default();
    view! {
        <section class="inbox-list" id="list" aria-labelledby="inbox-title" data-queue=place.queue.clone() data-waiting=waiting.to_string()
            data-href=place.href(None) data-late=LATE_MINUTES.to_string() data-me=me.to_string()>
            <header class="inbox-list__head">
                <h2 id="inbox-title">"Conversations"</h2>
                <button type="button" class="button button--quiet" id="tell" data-script="" hidden>"Tell me"</button>
                <button type="button" class="plain" id="show-keys" data-script="" aria-label="Keys" title="Keys (?)">"?"</button>
            </header>
            <nav class="queues" aria-label="Queues"><ul>{tabs}</ul></nav>
            {filter(place, sites)}
            <button type="button" class="button inbox-news" id="news" hidden></button>
            {nothing}
            <ul class="inbox-rows" id="rows">{rows}</ul>
            {more}
        </section>
    }
}

/// With more than one site: one of them, or all.
fn filter(place: &Place, sites: &[SiteName]) -> impl IntoView + use<> {
    let all = Place { site: None, open: None, ..place.clone() };
    let one = |site: &SiteName| Place { site: Some(site.id), open: None, ..place.clone() };
    let links: Vec<_> = std::iter::once((all, "All sites".to_owned(), place.site.is_none()))
        .chain(sites.iter().map(|site| (one(site), site.name.clone(), place.site == Some(site.id))))
        .map(|(to, name, is_it)| {
            view! { <li><a href=to.href(None) aria-current=is_it.then_some("true") dir="auto">{name}</a></li> }
        })
        .collect();
    (1 < sites.len()).then(|| view! { <nav class="sites" aria-label="Sites"><ul>{links}</ul></nav> })
}

/// Why the list is empty.
fn nothing(place: &Place, sites: &[SiteName]) -> Option<AnyView> {
    let said = match (sites.first(), place.queue.as_str()) {
        (None, _) => view! { <p>"No site is yours yet. An admin makes sites and lists who answers there: Administration, Sites."</p> }.into_any(),
        (Some(_), "waiting") => view! { <p>"Nobody is waiting."</p> }.into_any(),
        (Some(_), "mine") => view! { <p>"You have no conversation. Taking one over puts it here."</p> }.into_any(),
        (Some(site), "open") => {
            let href = format!("/w/{}", site.id);
            view! { <p>"Nobody has written yet. Visitors write on "<a href=href dir="auto">{site.title.clone()}</a>"."</p> }.into_any()
        }
        (Some(_), _) => view! { <p>"Nothing here."</p> }.into_any(),
    };
    Some(view! { <div class="inbox-nothing quiet" id="nothing">{said}</div> }.into_any())
}

/// The state in a word.
pub(super) fn word(state: AssignmentState, agent: Option<&str>) -> String {
    match (state, agent) {
        (AssignmentState::Agent, Some(agent)) => agent.to_owned(),
        (AssignmentState::Agent, None) => "An agent".into(),
        (AssignmentState::Waiting, _) => "Waits".into(),
        (AssignmentState::Assistant, _) => "Assistant".into(),
        (AssignmentState::Closed, _) => "Closed".into(),
    }
}

fn row(place: &Place, row: &InboxRow, sites: &[SiteName], me: AccountId) -> impl IntoView + use<> {
    let is_mine = row.agent.as_ref().is_some_and(|agent| agent.id == me);
    let state = match is_mine {
        true => "You".to_owned(),
        false => word(row.state, row.agent.as_ref().map(|agent| agent.name.as_str())),
    };
    let at = row.waiting_since.clone().unwrap_or_else(|| row.last.at.clone());
    let waits = row.waiting_since.is_some().then_some("");
    let who = match row.last.role {
        Role::User => "Visitor: ",
        Role::Assistant => "Assistant: ",
        Role::Agent => "Team: ",
    };
    let site = sites.iter().find(|site| 1 < sites.len() && site.id == row.site);
    let site = site.map(|site| view! { <span class="row__site" dir="auto">{site.name.clone()}</span> });
    let current = (place.open == Some(row.conversation)).then_some("true");
    let key: ConversationId = row.conversation;
    view! {
        <li class=format!("row row--{}", row.state.name()) data-key=key.to_string() data-position=row.last.position.to_string()>
            <a href=place.href(Some(key)) aria-current=current data-open="">
                <span class="row__line">
                    <span class=format!("mark mark--{}", row.state.name()) aria-hidden="true"></span>
                    <span class="row__name" dir="auto">{row.name.clone()}</span>
                    {site}
                    <span class="row__state" dir="auto">{state}</span>
                    <time class="row__time" datetime=at.clone() data-since="" data-waits=waits>{since(&at)}</time>
                </span>
                <span class="row__line row__last">
                    <span class="row__text" dir="auto"><span class="row__who">{who}</span>{row.last.text.clone()}</span>
                    <span class="row__unread" hidden>"unread"</span>
                </span>
            </a>
        </li>
    }
}
