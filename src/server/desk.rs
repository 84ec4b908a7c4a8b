//! Sites and what is kept of their visitors: made, changed and deleted by admins, deleted by visitors, swept when their time
//! is over. Who answers is `engine/desk`.

use super::State;
use super::engine::desk::Call;
use super::journal::Topic;
use super::nul;
use super::principal::ViewerId;
use super::prompt;
use super::secret;
use super::session::{Admin, Person};
use super::site_view::Eyes;
use super::store::audit::Note;
use super::store::revocations::Revoked;
use super::task::owned;
use super::times::now;
use crate::contract::Changes;
use crate::contract::site::{MAX_TEXT, Site, SiteChanges};
use crate::error::Problem;
use crate::event::Event;
use crate::model::{AccountId, ConversationId, SiteId};
use crate::server::address::network;
use crate::server::secret::Hash;
use std::net::IpAddr;
use std::sync::Arc;

/// The characters of a site's name and title.
const MAX_NAME: usize = 100;
/// The longest time after which conversations are deleted, in days: ten years.
const MAX_RETENTION_DAYS: u32 = 3_650;
/// Conversations that are deleted in one sweep, so that no other write waits long.
const SWEPT_AT_ONCE: i64 = 200;
/// The greatest limit of a site that is no time and no amount of money.
const MAX_LIMIT: u32 = 100_000;

/// A new site with what is usual.
fn usual(id: SiteId) -> Site {
    Site {
        id,
        name: String::new(),
        title: String::new(),
        answered_by: Default::default(),
        model: None,
        system: String::new(),
        parameters: Default::default(),
        texts: Default::default(),
        handoff: Default::default(),
        limits: Default::default(),
        agent_names: Default::default(),
        retention_days: None,
        is_disabled: false,
        created_at: now(),
    }
}

fn named(field: &str, text: String) -> Result<String, Problem> {
    let text = text.trim().to_owned();
    match text.chars().count() {
        0 => Err(Problem::invalid(field, "Write something here.")),
        1..=MAX_NAME if !text.chars().any(char::is_control) => Ok(text),
        _ => Err(Problem::invalid(field, format!("Keep it on one line, under {MAX_NAME} characters."))),
    }
}

/// The site with these changes.
fn changed(state: &State, site: Site, changes: SiteChanges) -> Result<Site, Problem> {
    let SiteChanges {
        name,
        title,
        answered_by,
        model,
        system,
        parameters,
        texts,
        handoff,
        limits,
        agent_names,
        retention_days,
        is_disabled,
    } = changes;
    let is_default = model.as_ref().is_some_and(String::is_empty);
    let checked = Changes { title: None, model: model.filter(|model| !model.is_empty()), system, parameters };
    let checked = prompt::changes(&state.providers, checked)?;
    let texts = texts.unwrap_or(site.texts);
    check_texts(&texts)?;
    let limits = limits.unwrap_or(site.limits);
    check_limits(&limits)?;
    let days = retention_days;
    if days.is_some_and(|days| MAX_RETENTION_DAYS < days) {
        return Err(Problem::invalid("retention_days", format!("At most {MAX_RETENTION_DAYS}.")));
    }
    Ok(Site {
        name: name.map(|name| named("name", name)).transpose()?.unwrap_or(site.name),
        title: title.map(|title| named("title", title)).transpose()?.unwrap_or(site.title),
        answered_by: answered_by.unwrap_or(site.answered_by),
        model: if is_default { None } else { checked.model.or(site.model) },
        system: checked.system.unwrap_or(site.system),
        parameters: checked.parameters.unwrap_or(site.parameters),
        texts,
        handoff: handoff.unwrap_or(site.handoff),
        limits,
        agent_names: agent_names.unwrap_or(site.agent_names),
        retention_days: days.map_or(site.retention_days, |days| Some(days).filter(|days| 0 < *days)),
        is_disabled: is_disabled.unwrap_or(site.is_disabled),
        ..site
    })
}

fn check_texts(texts: &crate::contract::site::Texts) -> Result<(), Problem> {
    let all = [
        ("greeting", &texts.greeting),
        ("notice", &texts.notice),
        ("waiting", &texts.waiting),
        ("joined", &texts.joined),
        ("back", &texts.back),
        ("away", &texts.away),
        ("closed", &texts.closed),
        ("failed", &texts.failed),
        ("busy", &texts.busy),
        ("without_notice", &texts.without_notice),
    ];
    for (name, text) in all {
        if nul::is_in(text) {
            return Err(Problem::invalid(format!("texts.{name}"), "This has a character that is no text."));
        }
        if MAX_TEXT < text.chars().count() {
            return Err(Problem::invalid(format!("texts.{name}"), format!("Keep it under {MAX_TEXT} characters.")));
        }
    }
    if texts.notice.trim().is_empty() && texts.without_notice.trim().is_empty() {
        let why = "Visitors have to be told that an AI answers. Where they need not be, say why in `without_notice`.";
        return Err(Problem::invalid("texts.notice", why));
    }
    Ok(())
}

fn check_limits(limits: &crate::contract::site::SiteLimits) -> Result<(), Problem> {
    let all = [
        ("visitor.minute", limits.visitor.minute),
        ("visitor.day", limits.visitor.day),
        ("visitor.conversations", limits.visitor.conversations),
        ("visitor.characters", limits.visitor.characters),
        ("network.minute", limits.network.minute),
        ("network.new", limits.network.new),
        ("open", limits.open),
        ("turns", limits.turns),
        ("max_output_tokens", limits.max_output_tokens),
    ];
    for (name, limit) in all {
        if limit == 0 || MAX_LIMIT < limit {
            return Err(Problem::invalid(format!("limits.{name}"), format!("From 1 to {MAX_LIMIT}.")));
        }
    }
    if crate::contract::MAX_MESSAGE < limits.visitor.characters as usize {
        let most = crate::contract::MAX_MESSAGE;
        return Err(Problem::invalid("limits.visitor.characters", format!("From 1 to {most}.")));
    }
    Ok(())
}

/// Makes a site. Idempotent by its id.
pub async fn make(state: &State, admin: &Person, id: SiteId, changes: SiteChanges) -> Result<Site, Problem> {
    let site = changed(state, usual(id), changes)?;
    let site = Site { name: named("name", site.name)?, title: named("title", site.title)?, ..site };
    let (state, note) = (state.clone(), Note::new(&admin.name, "made a site", &site.name, ""));
    owned(async move {
        let key = secret::new()?;
        if !state.store.add_site(&site, &key, &note).await? {
            return Err(Problem::Conflict("This id is taken. Use a new one.".into()));
        }
        Ok(site)
    })
    .await
}

/// Changes a site. Its next reply is as it says then.
pub async fn change(state: &State, admin: &Person, id: SiteId, changes: SiteChanges) -> Result<Site, Problem> {
    let before = state.store.site(id).await?.site;
    let site = changed(state, before, changes)?;
    let (state, note) = (state.clone(), Note::new(&admin.name, "changed a site", &site.name, ""));
    owned(async move {
        state.store.change_site(&site, &note).await?;
        state.grants.revoke(Revoked::Site(site.id));
        Ok(site)
    })
    .await
}

/// Deletes a site: nobody reaches it any more, and what it has goes in steps.
pub async fn delete(state: &State, admin: &Person, id: SiteId) -> Result<(), Problem> {
    let site = state.store.site(id).await?.site;
    let (state, note) = (state.clone(), Note::new(&admin.name, "deleted a site", &site.name, ""));
    owned(async move {
        state.store.begin_site_deletion(id, &note).await?;
        state.grants.revoke(Revoked::Site(id));
        sweep(&state).await;
        Ok(())
    })
    .await
}

/// Has an account answer on a site, or takes the site away from it.
pub async fn set_agent(
    state: &State,
    admin: &Person,
    (site, account): (SiteId, AccountId),
    is_agent: bool,
) -> Result<(), Problem> {
    let named = state.store.site(site).await?.site.name;
    let whom = state.store.named(account).await?.name;
    let action = if is_agent { "added an agent" } else { "removed an agent" };
    let (state, note) = (state.clone(), Note::new(&admin.name, action, &whom, &named));
    owned(async move {
        if is_agent {
            return Ok(state.store.add_agent(site, account, &note).await?);
        }
        let released = state.store.remove_agent(site, account, &note).await?;
        state.grants.revoke(Revoked::Agent(account));
        for conversation in released {
            state.journals.start_over(Topic::Conversation(conversation)).await;
        }
        Ok(())
    })
    .await
}

/// A visitor's request on a site. `NotFound`: there is no such site, or it is closed to visitors.
pub async fn call(state: &State, site: SiteId, token: Hash, address: IpAddr) -> Result<Call, Problem> {
    let stored = state.store.site(site).await?;
    if stored.site.is_disabled {
        return Err(Problem::NotFound);
    }
    let visitor = state.store.visitor(token, site).await?;
    if let Some(until) =
        visitor.as_ref().and_then(|visitor| visitor.blocked_until.as_ref()).filter(|until| now() < **until)
    {
        return Err(Problem::Forbidden(format!(
            "This chat is closed to you until {} UTC.",
            super::times::minute(until)
        )));
    }
    if visitor.as_ref().is_some_and(|visitor| visitor.is_stale) {
        let store = state.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.touch_visitor(token).await {
                tracing::warn!(%error, "The time of a visitor's last use was not written");
            }
        });
    }
    Ok(Call { site: Arc::new(stored.site), token, visitor, network: network(address) })
}

/// A call on behalf of nobody: for what an agent has the model answer.
pub async fn call_of_site(state: &State, agent: AccountId, conversation: ConversationId) -> Result<Call, Problem> {
    let stored = state.store.conversation_for(ViewerId::Agent(agent), conversation).await?;
    let site = state.store.site(stored.site.ok_or(Problem::NotFound)?).await?.site;
    let network = network(IpAddr::from([0, 0, 0, 0]));
    Ok(Call { site: Arc::new(site), token: Hash::of(""), visitor: None, network })
}

/// With a visitor's eyes.
pub async fn eyes(state: &State, site: SiteId) -> Result<Eyes, Problem> {
    Ok(Eyes::Visitor(Arc::new(state.store.site(site).await?)))
}

/// Deletes a conversation of a site with everything in it: its visitor's, or one whose time is over.
pub async fn delete_conversation(state: &State, account: AccountId, id: ConversationId) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move {
        let journal = state.journals.topic(Topic::Conversation(id));
        let turn = journal.turn().await;
        if let Err(problem) = state.engine.settle(id).await {
            tracing::debug!(%problem, "What is deleted need not be saved");
        }
        state.store.delete_conversation(account, id).await?;
        state.journals.delete(Topic::Conversation(id), &turn, Event::Deleted { conversation: id }).await;
        Ok(())
    })
    .await
}

/// Deletes what is kept no longer: conversations after their time, visitors without one, sites that are leaving.
pub async fn sweep(state: &State) {
    let outlived = match state.store.outlived(SWEPT_AT_ONCE).await {
        Ok(outlived) => outlived,
        Err(error) => return tracing::warn!(%error, "What is kept of sites could not be looked at"),
    };
    for (account, conversation) in outlived {
        match delete_conversation(state, account, conversation).await {
            // Its visitor was quicker.
            Ok(()) | Err(Problem::NotFound) => {}
            Err(problem) => return tracing::warn!(%problem, "A conversation of a site could not be deleted"),
        }
    }
    if let Err(error) = state.store.sweep_visitors().await {
        tracing::warn!(%error, "Visitors without a conversation could not be deleted");
    }
}

/// What an admin is: a person in a browser.
pub fn person(Admin(person): &Admin) -> &Person {
    person
}
