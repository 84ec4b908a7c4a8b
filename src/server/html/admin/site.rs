//! The page of one site: its link, its settings, who answers, what visitors are told, and its limits with today's use.

use crate::contract::site::{Site, SiteLimits};
use crate::model::{Named, SiteId};
use crate::server::html::form::{Area, Choice, Field, Hidden};
use crate::server::html::{Notice, Sheet};
use crate::server::principal::Owner;
use leptos::prelude::*;

/// The page's data.
pub struct SitePage {
    pub site: Site,
    /// Where visitors come to.
    pub address: String,
    pub agents: Vec<Named>,
    /// The names of the models that there are.
    pub models: Vec<String>,
    /// Tokens, and millionths of a dollar, of this day.
    pub used: (u64, u64),
}

/// The fields that show their own problem.
const FIELDS: &[&str] = &[
    "site/name",
    "site/title",
    "site/system",
    "site/retention_days",
    "agent/name",
    "texts/texts.greeting",
    "texts/texts.notice",
    "texts/texts.without_notice",
    "texts/texts.waiting",
    "texts/texts.joined",
    "texts/texts.back",
    "texts/texts.away",
    "texts/texts.closed",
    "texts/texts.failed",
    "texts/texts.busy",
    "limits/limits.visitor.minute",
    "limits/limits.visitor.day",
    "limits/limits.visitor.characters",
    "limits/limits.visitor.conversations",
    "limits/limits.network.minute",
    "limits/limits.network.new",
    "limits/limits.open",
    "limits/limits.turns",
    "limits/limits.max_output_tokens",
    "limits/limits.tokens_per_day",
    "limits/limits.micros_per_day",
];

pub fn site(owner: Owner, page: SitePage, said: Notice) -> Sheet {
    let SitePage { site, address, agents, models, used } = page;
    let body = view! {
        <section aria-labelledby="link">
            <h2 id="link">"Its page"</h2>
            <pre class="listing">{address.clone()}</pre>
            <p class="quiet">"To try it as a visitor, open it in a private window: there you are nobody else."</p>
            <p class="row"><a class="button button--quiet" href=format!("/w/{}", site.id)>"Open"</a><a class="button button--quiet" href="/inbox">"Inbox"</a></p>
        </section>
        {settings(&site, models, &said)}
        {answering(site.id, agents, &said)}
        {texts(&site, &said)}
        {limits(&site, used, &said)}
    };
    let title = site.name.clone();
    let mut sheet = super::sheet("/admin/sites", "Sites", owner, said, FIELDS, body.into_any());
    sheet.title = title.into();
    sheet
}

fn settings(site: &Site, models: Vec<String>, said: &Notice) -> impl IntoView + use<> {
    let chosen = site.model.clone().unwrap_or_default();
    let usual = ("".to_owned(), "The server's usual one".to_owned());
    let known = models.contains(&chosen) || chosen.is_empty();
    let missing = (!known).then(|| (chosen.clone(), format!("{chosen} (not there)")));
    let all = std::iter::once(usual).chain(missing).chain(models.into_iter().map(|name| (name.clone(), name)));
    let options =
        all.map(|(value, name)| view! { <option selected=value == chosen value=value.clone()>{name}</option> });
    let who = vec![("assistant", "The assistant"), ("agents", "People")];
    let names = vec![("name", "By their name"), ("first", "By its first word"), ("team", "As the team")];
    let state = vec![("no", "Open"), ("yes", "Closed: the page is not there")];
    let days = site.retention_days.map(|days| days.to_string()).unwrap_or_default();
    let is_disabled = if site.is_disabled { "yes" } else { "no" };
    view! {
        <section aria-labelledby="settings">
            <h2 id="settings">"Settings"</h2>
            <form class="form" method="post" action="/admin/sites/change">
                <Hidden name="site" value=site.id.to_string()/>
                <Hidden name="form" value="site".to_owned()/>
                <Field form="site" name="name" label="Name, for your team" value=site.name.clone() said=said.clone()/>
                <Field form="site" name="title" label="Title, for visitors" value=site.title.clone() said=said.clone()/>
                <div class="input">
                    <label for="site-model">"Model"</label>
                    <select class="field" id="site-model" name="model">{options.collect_view()}</select>
                </div>
                <Area form="site" name="system" label="Instructions for the model" rows="8" value=site.system.clone() said=said.clone()
                    hint="Visitors and agents never see them."/>
                <Choice form="site" name="answered_by" label="Who answers first" options=who chosen=site.answered_by.name()/>
                <Choice form="site" name="agent_names" label="How visitors see agents" options=names chosen=site.agent_names.name()/>
                <Field form="site" name="retention_days" label="Days after which conversations are deleted" kind="number" required=false
                    value=days said=said.clone() hint="Empty: they are kept."/>
                <Choice form="site" name="is_disabled" label="For visitors" options=state chosen=is_disabled/>
                <button class="button">"Save"</button>
            </form>
        </section>
    }
}

fn answering(site: SiteId, agents: Vec<Named>, said: &Notice) -> impl IntoView + use<> {
    let nobody = agents.is_empty().then(|| view! { <p class="quiet">"Nobody answers here yet."</p> });
    let rows = agents.into_iter().map(|agent| row(site, agent)).collect_view();
    view! {
        <section aria-labelledby="agents">
            <h2 id="agents">"Who answers"</h2>
            <p class="quiet">"People with the role of an agent or an admin."</p>
            {nobody}
            <ul class="rows">{rows}</ul>
            <form class="form form--pair" method="post" action="/admin/sites/agents">
                <Hidden name="site" value=site.to_string()/>
                <Field form="agent" name="name" label="Name of an agent" said=said.clone()/>
                <button class="button button--quiet">"Add"</button>
            </form>
        </section>
    }
}

fn row(site: SiteId, agent: Named) -> impl IntoView {
    let label = format!("Remove {}", agent.name);
    view! {
        <li>
            <p dir="auto">{agent.name}</p>
            <form method="post" action="/admin/sites/agents/remove">
                <Hidden name="site" value=site.to_string()/>
                <Hidden name="account" value=agent.id.to_string()/>
                <button class="button button--quiet" aria-label=label>"Remove"</button>
            </form>
        </li>
    }
}

fn texts(site: &Site, said: &Notice) -> impl IntoView + use<> {
    let texts = &site.texts;
    let area = |name: &'static str, label: &'static str, value: &str| {
        view! { <Area form="texts" name=name label=label value=value.to_owned() said=said.clone()/> }
    };
    view! {
        <section aria-labelledby="texts">
            <h2 id="texts">"What visitors are told"</h2>
            <form class="form" method="post" action="/admin/sites/change">
                <Hidden name="site" value=site.id.to_string()/>
                <Hidden name="form" value="texts".to_owned()/>
                {area("texts.greeting", "Greeting", &texts.greeting)}
                {area("texts.notice", "Before the first message: that an AI answers", &texts.notice)}
                <Area form="texts" name="texts.without_notice" label="Without that: why visitors need not be told"
                    hint="The law of the European Union asks for the notice (AI Act, Article 50)." value=texts.without_notice.clone() said=said.clone()/>
                {area("texts.waiting", "A person was asked for", &texts.waiting)}
                {area("texts.joined", "A person answers ({name})", &texts.joined)}
                {area("texts.back", "The assistant answers again", &texts.back)}
                {area("texts.away", "Nobody of the team is there", &texts.away)}
                {area("texts.closed", "Closed", &texts.closed)}
                {area("texts.failed", "An answer failed", &texts.failed)}
                {area("texts.busy", "The model lets us wait", &texts.busy)}
                <button class="button">"Save"</button>
            </form>
        </section>
    }
}

/// The fields of the limits, with what they are now; empty: no limit.
fn values(limits: &SiteLimits) -> [(&'static str, &'static str, String); 11] {
    let no = |limit: Option<u64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    [
        ("limits.tokens_per_day", "Tokens a day", no(limits.tokens_per_day)),
        ("limits.micros_per_day", "Cost a day, in millionths of a dollar", no(limits.micros_per_day)),
        ("limits.max_output_tokens", "Tokens of an answer", limits.max_output_tokens.to_string()),
        ("limits.turns", "Last messages that the model is told", limits.turns.to_string()),
        ("limits.open", "Answers at a time", limits.open.to_string()),
        ("limits.visitor.minute", "Messages of a visitor a minute", limits.visitor.minute.to_string()),
        ("limits.visitor.day", "Messages of a visitor a day", limits.visitor.day.to_string()),
        ("limits.visitor.characters", "Characters of a message", limits.visitor.characters.to_string()),
        ("limits.visitor.conversations", "Conversations of a visitor", limits.visitor.conversations.to_string()),
        ("limits.network.minute", "Messages of a network a minute", limits.network.minute.to_string()),
        ("limits.network.new", "New visitors of a network a minute", limits.network.new.to_string()),
    ]
}

fn limits(site: &Site, (tokens, micros): (u64, u64), said: &Notice) -> impl IntoView + use<> {
    let share = |used: u64, most: Option<u64>| match most {
        Some(most) if 0 < most => format!(" of {most} ({} %)", used.saturating_mul(100) / most),
        _ => String::new(),
    };
    let used = format!("{tokens} tokens{}", share(tokens, site.limits.tokens_per_day));
    let dollars = format!(
        "{:.2} dollars{}",
        micros as f64 / 1e6,
        site.limits.micros_per_day.map(|most| format!(" of {:.2}", most as f64 / 1e6)).unwrap_or_default()
    );
    let fields = values(&site.limits).map(|(name, label, value)| {
        let required = !name.ends_with("per_day");
        let hint = if required { "" } else { "Empty: no limit." };
        view! { <Field form="limits" name=name label=label kind="number" value=value required=required hint=hint said=said.clone()/> }
    });
    view! {
        <section aria-labelledby="limits">
            <h2 id="limits">"Limits"</h2>
            <p class="lead">{format!("Used today: {used}; {dollars}.")}</p>
            <form class="form" method="post" action="/admin/sites/change">
                <Hidden name="site" value=site.id.to_string()/>
                <Hidden name="form" value="limits".to_owned()/>
                {fields.collect_view()}
                <button class="button">"Save"</button>
            </form>
        </section>
    }
}
