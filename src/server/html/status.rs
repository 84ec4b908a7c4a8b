//! The page about whether the server works.

use super::{Notice, Sheet, Width};
use crate::server::status::Look;
use jiff::Timestamp;
use leptos::prelude::*;

pub fn page(ready: bool, since: Timestamp, look: &Look) -> Sheet {
    let all_reached = look.reached.iter().all(|(_, reached)| *reached);
    let lead = match (ready, all_reached) {
        (false, _) => "New messages are not taken right now. What is there can be read.",
        (true, false) => "Messages are taken. Models of a provider that is not reached do not answer.",
        (true, true) => "Everything works.",
    };
    let body = view! {
        <p class="lead" role="status">{lead}</p>
        <p>"Running since "{time(since)}"."</p>
        {providers(look)}
    };
    Sheet {
        title: "Status".into(),
        width: Width::Narrow,
        owner: None,
        said: Notice::default(),
        fields: &[],
        body: body.into_any(),
    }
}

fn providers(look: &Look) -> impl IntoView + use<> {
    let rows: Vec<_> = look
        .reached
        .iter()
        .map(|(name, reached)| {
            let told = if *reached { "reached" } else { "not reached" };
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader">{name.clone()}</th><td role="cell" data-label="Answer">{told}</td>
                </tr>
            }
        })
        .collect();
    let at = time(look.at);
    (!rows.is_empty()).then(|| {
        view! {
            <table class="list" role="table">
                <thead role="rowgroup"><tr role="row">
                    <th scope="col" role="columnheader">"Provider"</th><th scope="col" role="columnheader">"Answer"</th>
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
            <p class="hint">"The providers were asked on "{at}"."</p>
        }
    })
}

fn time(at: Timestamp) -> impl IntoView {
    let machine = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let people = at.strftime("%-d %B %Y, %H:%M UTC").to_string();
    view! { <time datetime=machine>{people}</time> }
}
