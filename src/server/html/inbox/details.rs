//! What agents know of the visitor of a conversation.

use super::list::word;
use crate::model::Message;
use crate::server::store::desk::details::{Details, Other};
use crate::server::times::{minute, now, since};
use leptos::prelude::*;

/// How long a visitor can be kept out from here.
const BLOCKS: [(u32, &str); 3] = [(3_600, "an hour"), (86_400, "a day"), (2_592_000, "30 days")];

pub(super) fn details(messages: &[Message], details: &Details) -> impl IntoView + use<> {
    let used = messages.iter().filter_map(|message| message.usage);
    let tokens: u64 = used.clone().map(|usage| usage.input_tokens + usage.output_tokens).sum();
    let known = [
        ("Site", Some(details.site_name.clone())),
        ("Page", details.page.clone()),
        ("Came from", details.referrer.clone().filter(|referrer| !referrer.is_empty())),
        ("Language", details.locale.clone()),
        ("Tokens shown here", (0 < tokens).then(|| tokens.to_string())),
    ];
    let known = known
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| view! { <div><dt>{name}</dt><dd dir="auto">{value}</dd></div> }));
    let others = details.others.iter().map(other).collect::<Vec<_>>();
    let others = (!others.is_empty()).then(|| view! { <h3>"Earlier here"</h3><ul class="others">{others}</ul> });
    view! {
        <aside class="inbox-details" id="details" aria-labelledby="details-title">
            <header class="inbox-details__head">
                <h2 id="details-title">"Details"</h2>
                <a class="plain inbox-details__close" href="#thread" aria-label="Close the details">"✕"</a>
            </header>
            {said(details)}
            <dl class="known">{known.collect_view()}</dl>
            {others}
            {block(details)}
        </aside>
    }
}

/// The model's words about why it asked for a person.
fn said(details: &Details) -> impl IntoView + use<> {
    let texts = [("Why", &details.reason), ("In short", &details.summary)];
    let shown: Vec<_> = texts
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| view! { <p><strong>{name}": "</strong><span dir="auto">{text.clone()}</span></p> })
        .collect();
    (!shown.is_empty()).then(|| view! { <div class="model-words"><h3>"The assistant says"</h3>{shown}</div> })
}

fn other(other: &Other) -> impl IntoView + use<> {
    let title = if other.title.is_empty() { "A conversation".to_owned() } else { other.title.clone() };
    let about = format!("{} · {}", word(other.state, None), since(&other.last_at));
    view! { <li><a href=format!("/inbox/{}?queue=open", other.conversation) data-open="" dir="auto">{title}</a><span class="quiet">{about}</span></li> }
}

fn block(details: &Details) -> impl IntoView + use<> {
    let path = format!("/api/v1/visitors/{}/block", details.visitor);
    if let Some(until) = details.blocked_until.as_ref().filter(|until| now() < **until) {
        return view! {
            <div class="block">
                <p>"Kept out until "{minute(until)}" UTC."</p>
                <button type="button" class="button button--quiet" data-script="" data-request="DELETE" data-path=path>"Let in again"</button>
            </div>
        }
        .into_any();
    }
    let options = BLOCKS.map(|(seconds, name)| view! { <option value=seconds.to_string()>{name}</option> });
    view! {
        <div class="block" data-script="">
            <label for="block-for">"Keep this visitor out for"</label>
            <select class="field" id="block-for">{options}</select>
            <button type="button" class="button button--danger" data-request="PUT" data-path=path data-seconds="block-for"
                data-sure="Keep this visitor out? Their page says until when.">"Block"</button>
        </div>
    }
    .into_any()
}
