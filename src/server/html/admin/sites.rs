//! The page of the sites.

use crate::contract::site::Site;
use crate::model::{Named, SiteId};
use crate::server::html::form::{Choice, Field, Hidden};
use crate::server::html::{Notice, Sheet};
use crate::server::principal::Owner;
use leptos::prelude::*;

/// A site, and who answers there.
pub struct ListedSite {
    pub site: Site,
    pub agents: Vec<Named>,
}

pub fn sites(owner: Owner, listed: Vec<ListedSite>, said: Notice) -> Sheet {
    let nothing = listed.is_empty().then(|| view! { <p class="quiet">"There is no site yet."</p> });
    let rows = listed.into_iter().map(|it| site(it, &said)).collect_view();
    let who = vec![("assistant", "The assistant"), ("agents", "People")];
    let body = view! {
        <section aria-labelledby="sites">
            <h2 id="sites">"Sites"</h2>
            <p class="quiet">"Pages where visitors write without an account. Agents need the role, and to be listed here."</p>
            {nothing}
            {rows}
        </section>
        <section aria-labelledby="new">
            <h2 id="new">"A new site"</h2>
            <form class="form" method="post" action="/admin/sites">
                <Field form="site" name="name" label="Name, for your team" said=said.clone()/>
                <Field form="site" name="title" label="Title, for visitors" said=said.clone()/>
                <div class="input">
                    <label for="site-system">"Instructions for the model"</label>
                    <textarea class="field" id="site-system" name="system" rows="5" dir="auto"></textarea>
                </div>
                <Choice form="site" name="answered_by" label="Who answers first" options=who chosen="assistant"/>
                <button class="button">"Make it"</button>
            </form>
        </section>
    };
    let fields = &["site/name", "site/title", "agent/name"];
    super::sheet("/admin/sites", "Sites", owner, said, fields, body.into_any())
}

fn site(listed: ListedSite, said: &Notice) -> impl IntoView + use<> {
    let ListedSite { site, agents } = listed;
    let (href, id) = (format!("/w/{}", site.id), site.id);
    let address = href.clone();
    let limit = site.limits.tokens_per_day.map(|tokens| format!("{tokens} tokens a day"));
    let state = if site.is_disabled { "disabled" } else { site.answered_by.name() };
    let rows = agents.into_iter().map(|agent| row(id, agent)).collect_view();
    view! {
        <section>
            <h3>{site.name}</h3>
            <p><a href=href>{address}</a><span class="quiet">{format!(" {state} · {}", limit.unwrap_or_default())}</span></p>
            <ul class="rows">{rows}</ul>
            <form class="form form--grid" method="post" action="/admin/sites/agents">
                <Hidden name="site" value=id.to_string()/>
                <Field form="agent" name="name" label="Name of an agent" said=said.clone()/>
                <button class="button button--quiet">"Add"</button>
            </form>
        </section>
    }
}

fn row(site: SiteId, agent: Named) -> impl IntoView {
    view! {
        <li>
            <p>{agent.name}</p>
            <form method="post" action="/admin/sites/agents/remove">
                <Hidden name="site" value=site.to_string()/>
                <Hidden name="account" value=agent.id.to_string()/>
                <button class="button button--quiet">"Remove"</button>
            </form>
        </li>
    }
}
