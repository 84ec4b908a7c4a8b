//! The page of the sites.

use crate::contract::site::{AnsweredBy, Site};
use crate::model::Named;
use crate::server::html::form::{Choice, Field};
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
    let rows = listed.into_iter().map(site).collect_view();
    let who = vec![("assistant", "The assistant"), ("agents", "People")];
    let body = view! {
        <section aria-labelledby="sites">
            <h2 id="sites">"Sites"</h2>
            <p class="quiet">"Pages where visitors write without an account. Agents need the role, and to be listed for the site."</p>
            {nothing}
            <ul class="rows">{rows}</ul>
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
    let fields = &["site/name", "site/title"];
    super::sheet("/admin/sites", "Sites", owner, said, fields, body.into_any())
}

fn site(listed: ListedSite) -> impl IntoView {
    let ListedSite { site, agents } = listed;
    let (href, settings) = (format!("/w/{}", site.id), format!("/admin/sites/{}", site.id));
    let state = match (site.is_disabled, site.answered_by) {
        (true, _) => "closed to visitors",
        (false, AnsweredBy::Assistant) => "the assistant answers first",
        (false, AnsweredBy::Agents) => "people answer",
    };
    let names: Vec<_> = agents.into_iter().map(|agent| agent.name).collect();
    let who =
        if names.is_empty() { "Nobody answers here yet.".into() } else { format!("Agents: {}", names.join(", ")) };
    view! {
        <li>
            <p><strong dir="auto">{site.name}</strong>" "<span class="quiet">{state}</span><br/><span class="quiet" dir="auto">{who}</span></p>
            <div class="row">
                <a class="button button--quiet" href=href>"Open"</a>
                <a class="button button--quiet" href=settings>"Settings"</a>
            </div>
        </li>
    }
}
