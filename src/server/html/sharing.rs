//! Who may use a conversation: people, invitation links, the public link; and the pages that an invitation link leads
//! to.

use super::form::{Choice, Field, Hidden};
use super::{Sheet, Width};
use crate::model::{Access, AccountId, ConversationId};
use crate::server::html::Notice;
use crate::server::principal::Owner;
use crate::server::sharing::{MAX_DAYS, Sharing};
use crate::server::store::public_links::PublicLink;
use crate::server::store::sharing::InviteLink;
use crate::server::store::sharing::{Invitation, Share};
use crate::server::times::day;
use leptos::prelude::*;

const ROLES: [(&str, &str); 2] = [("participant", "Read and write"), ("reader", "Only read")];

/// A newly created link, shown only now.
#[derive(Clone, Debug)]
pub enum Made {
    Invitation(String),
    Public(String),
}

/// The values typed into the forms.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub name: String,
    pub role: String,
    pub uses: String,
    pub days: String,
}

/// The page's data.
pub struct SharingPage {
    /// None for a guest.
    pub owner: Option<Owner>,
    pub account: AccountId,
    pub sharing: Sharing,
    pub made: Option<Made>,
    pub typed: Typed,
}

pub fn page(content: SharingPage, said: Notice) -> Sheet {
    let SharingPage { owner, account, sharing, made, typed } = content;
    let stored = &sharing.stored;
    let back = format!("/c/{}", stored.id);
    let title = if stored.title.is_empty() { "New conversation".to_owned() } else { stored.title.clone() };
    let parts = match stored.access {
        Access::Owner => owners_part(sharing, owner.is_none(), made, typed, &said).into_any(),
        Access::Participant | Access::Reader | Access::Visitor | Access::Agent => {
            others_part(sharing, account).into_any()
        }
    };
    let body = view! {
        <p class="lead">"The conversation "<a href=back dir="auto">{title}</a></p>
        {parts}
    };
    let fields = &["person/name", "link/uses", "link/days"];
    Sheet { title: "Sharing".into(), width: Width::Text, owner, said, fields, body: body.into_any() }
}

fn action(id: ConversationId, what: &str) -> String {
    format!("/c/{id}/sharing/{what}")
}

fn owners_part(sharing: Sharing, is_guest: bool, made: Option<Made>, typed: Typed, said: &Notice) -> impl IntoView {
    let id = sharing.stored.id;
    let (invited, published) = match made {
        Some(Made::Invitation(link)) => (Some(link), None),
        Some(Made::Public(link)) => (None, Some(link)),
        None => (None, None),
    };
    view! {
        {public(id, sharing.public, published)}
        {people(id, sharing.people, (!is_guest).then(|| by_name(id, &typed, said)))}
        {links(id, sharing.links, invited, typed, said)}
    }
}

fn may(role: Access) -> &'static str {
    match role {
        Access::Owner => "its owner",
        Access::Participant => "reads and writes",
        Access::Reader => "only reads",
        Access::Visitor | Access::Agent => "belongs to a site",
    }
}

/// `add` is the form that adds a person; none for a guest.
fn people(id: ConversationId, people: Vec<Share>, add: Option<impl IntoView>) -> impl IntoView {
    let hint = match people.is_empty() {
        true => "Nobody else has it yet.",
        false => "Taking it back from somebody ends all open invitation links too: they could come in by one again.",
    };
    let rows = people.into_iter().map(|share| person(id, share)).collect_view();
    view! {
        <section aria-labelledby="people">
            <h2 id="people">"People"</h2>
            <p class="quiet">{hint}</p>
            <ul class="rows">{rows}</ul>
            {add}
        </section>
    }
}

/// The role that was chosen. A mistake in another field must not grant more than was meant.
fn role(typed: &str) -> &'static str {
    ROLES.iter().find(|(value, _)| *value == typed).map_or("participant", |(value, _)| *value)
}

fn by_name(id: ConversationId, typed: &Typed, said: &Notice) -> impl IntoView {
    view! {
        <form class="form form--row" method="post" action=action(id, "people")>
            <Field form="person" name="name" label="Their name here" value=typed.name.clone() said=said.clone()/>
            <Choice form="person" name="role" label="They may" options=ROLES.into() chosen=role(&typed.role)/>
            <button class="button">"Share"</button>
        </form>
    }
}

fn person(id: ConversationId, share: Share) -> impl IntoView {
    let name = share.person.name;
    let (other, words) = match share.role {
        Access::Reader => ("participant", "Let write"),
        Access::Participant | Access::Owner | Access::Visitor | Access::Agent => ("reader", "Let only read"),
    };
    view! {
        <li>
            <p>{name.clone()}<span class="quiet">{format!("{}, since {}", may(share.role), day(&share.since))}</span></p>
            <div class="row">
                <form method="post" action=action(id, "role")>
                    <Hidden name="account" value=share.person.id.to_string()/>
                    <Hidden name="role" value=other.into()/>
                    <button class="button button--quiet">{words}<span class="unseen">" "{name.clone()}</span></button>
                </form>
                <form method="post" action=action(id, "remove")>
                    <Hidden name="account" value=share.person.id.to_string()/>
                    <button class="button button--danger">"Take back"<span class="unseen">" from "{name}</span></button>
                </form>
            </div>
        </li>
    }
}

/// A link to copy.
fn shown_once(what: &'static str, link: String) -> impl IntoView {
    let href = link.clone();
    view! {
        <div class="done" role="status">
            <p>{what}</p>
            <p><a class="token" href=href autofocus>{link}</a></p>
        </div>
    }
}

fn links(
    id: ConversationId,
    links: Vec<InviteLink>,
    made: Option<String>,
    typed: Typed,
    said: &Notice,
) -> impl IntoView {
    let made =
        made.map(|link| shown_once("Copy this link and send it to whom you invite. It is not shown again.", link));
    let rows = links.into_iter().map(|link| row(id, link)).collect_view();
    let or = |typed: String, usual: &str| if typed.is_empty() { usual.to_owned() } else { typed };
    view! {
        <section aria-labelledby="links">
            <h2 id="links">"Invitation links"</h2>
            <p class="quiet">{format!("Who opens one comes in. It ends when it is used up, or after {MAX_DAYS} days at the latest.")}</p>
            {made}
            <ul class="rows">{rows}</ul>
            <form class="form form--grid" method="post" action=action(id, "links")>
                <Choice form="link" name="role" label="They may" options=ROLES.into() chosen=role(&typed.role)/>
                <Field form="link" name="uses" label="For how many people" kind="number" value=or(typed.uses, "1") said=said.clone()/>
                <Field form="link" name="days" label="For how many days" kind="number" value=or(typed.days, "7") said=said.clone()/>
                <button class="button button--quiet">"Make a link"</button>
            </form>
        </section>
    }
}

fn row(id: ConversationId, link: InviteLink) -> impl IntoView {
    let until = link.ends_at.get(..10).unwrap_or_default().to_owned();
    let is_over = link.uses <= link.used || link.ends_at <= crate::server::times::now();
    let until = if is_over { "over".into() } else { format!("open until {until}") };
    let taken = format!("taken {} of {} times, {until}", link.used, link.uses);
    let made = day(&link.created_at);
    view! {
        <li>
            <p>{format!("Made {made}")}<span class="quiet">{format!("who comes in {}; {taken}", may(link.role))}</span></p>
            <form method="post" action=action(id, "links/end")>
                <Hidden name="link" value=link.hash.to_string()/>
                <button class="button button--danger">"Withdraw"<span class="unseen">" the link made "{made}</span></button>
            </form>
        </li>
    }
}

fn public(id: ConversationId, link: Option<PublicLink>, made: Option<String>) -> impl IntoView {
    let made = made
        .map(|link| shown_once("Copy this link. Everybody who has it can read along. It is not shown again.", link));
    let options = vec![("no", "Without names"), ("yes", "With people’s names")];
    let is_public = link.is_some();
    let state = match link {
        None => {
            "Off. With it, everybody who has the link can read along, without an account. Nobody can write.".to_owned()
        }
        Some(link) => {
            let names = if link.names { "with people’s names" } else { "without names" };
            format!("On since {}: everybody who has the link can read along, {names}.", day(&link.created_at))
        }
    };
    let make = if is_public { "Make a new link" } else { "Make a public link" };
    let hint = is_public.then(|| view! { <p class="hint">"The former link ends then."</p> });
    view! {
        <section aria-labelledby="public">
            <h2 id="public">"Public link"</h2>
            <p class="quiet">{state}</p>
            {made}
            <form class="form form--row" method="post" action=action(id, "public")>
                <Choice form="public" name="names" label="It shows the conversation" options chosen="no"/>
                <button class="button button--quiet">{make}</button>
            </form>
            {hint}
            {is_public.then(|| view! {
                <form method="post" action=action(id, "public/end")>
                    <button class="button button--danger">"Withdraw the public link"</button>
                </form>
            })}
        </section>
    }
}

fn others_part(sharing: Sharing, account: AccountId) -> impl IntoView {
    let id = sharing.stored.id;
    let line = |name: String, is_me: bool, role: Access| {
        let name = if is_me { format!("{name} (you)") } else { name };
        view! { <li><p>{name}<span class="quiet">{may(role)}</span></p></li> }
    };
    let owner = line(sharing.stored.owner.name, false, Access::Owner);
    let rows =
        sharing.people.into_iter().map(|it| line(it.person.name, it.person.id == account, it.role)).collect_view();
    view! {
        <section aria-labelledby="people">
            <h2 id="people">"People"</h2>
            <ul class="rows">{owner}{rows}</ul>
        </section>
        <section aria-labelledby="leave">
            <h2 id="leave">"Leave"</h2>
            <p class="quiet">"It goes from your list, and comes back only when you are invited again. What you wrote stays."</p>
            <form method="post" action=action(id, "remove")>
                <Hidden name="account" value=account.to_string()/>
                <button class="button button--danger">"Leave this conversation"</button>
            </form>
        </section>
    }
}

/// The page of an invitation link: it asks first, because opening a link must not change anything.
pub fn invitation(owner: Option<Owner>, is_guest: bool, path: String, invitation: Invitation, said: Notice) -> Sheet {
    let title =
        if invitation.title.is_empty() { "a conversation".to_owned() } else { format!("“{}”", invitation.title) };
    let what = match invitation.role {
        Access::Reader => "read",
        Access::Participant | Access::Owner | Access::Visitor | Access::Agent => "take part in",
    };
    let sign_in = is_guest.then(|| {
        let (sign_in, sign_up) = (format!("/sign-in?next={path}"), format!("/sign-up?next={path}"));
        view! {
            <div class="aside">
                <p>"You come in as a guest of this browser. "<a href=sign_in>"Sign in"</a>" or "<a href=sign_up>"sign up"</a>" first to come in by your name."</p>
            </div>
        }
    });
    let body = view! {
        <p class="lead">{format!("{} invites you to {what} {title}.", invitation.owner.name)}</p>
        <form method="post" action=path.clone()><button class="button" autofocus>"Come in"</button></form>
        {sign_in}
    };
    Sheet { title: "An invitation".into(), width: Width::Narrow, owner, said, fields: &[], body: body.into_any() }
}

/// The page of an invitation link that cannot be used any more.
pub fn no_invitation(owner: Option<Owner>, said: Notice) -> Sheet {
    let body = view! {
        <p class="lead">"This invitation cannot be taken any more. It ends after some days, or when it has been used. Ask whoever sent it for a new one."</p>
        <p><a class="button" href="/">"To your conversations"</a></p>
    };
    Sheet { title: "An invitation".into(), width: Width::Narrow, owner, said, fields: &[], body: body.into_any() }
}
