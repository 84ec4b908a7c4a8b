//! The page's own state: its route, the models to choose from, its notices.

use super::live::Live;
use super::live::list::News;
use crate::contract::{Home, Me};
use crate::error::Problem;
use crate::model::{Access, AccountId, ConversationId, MessageId, Model};
use crate::ui::draw::{Draw, Pictures};
use crate::ui::first_page::First;
use crate::ui::folded;
use crate::ui::labels::{self, NOTHING};
use crate::ui::navigation::Address;
use crate::ui::route::Route;
use crate::{api, browser};
use futures::future::{FutureExt, LocalBoxFuture, TryFutureExt};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::future::Future;

/// One per page, provided as context by the layout.
#[derive(Clone, Copy)]
pub struct PageState {
    pub live: Live,
    pub address: Address,
    pub place: Memo<Route>,
    pub models: RwSignal<Vec<Model>>,
    /// The model that is selected in the picker.
    pub picked: RwSignal<String>,
    /// What a model is being chosen for, while the list of them is open (`panels/models`).
    pub choosing: RwSignal<Option<ModelFor>>,
    /// The user's account; none for a reader with the public link.
    pub me: StoredValue<Option<Me>>,
    /// The message of the last failure; empty for none.
    pub notice: RwSignal<String>,
    /// Announced to screen readers only; empty for none.
    pub whisper: RwSignal<String>,
    /// Why the route cannot be shown.
    pub absent: RwSignal<Option<Problem>>,
    /// Whether the page is hydrated. Until then every form is a plain one.
    pub awake: RwSignal<bool>,
    /// Whether the view follows the newest text.
    pub following: RwSignal<bool>,
    /// Whether another version was requested and has not arrived yet.
    pub turning: StoredValue<bool>,
    /// The id that the plain form sends.
    pub first_message: RwSignal<Option<MessageId>>,
    /// The functions that draw a conversation, once their code is loaded.
    pub draw: RwSignal<Option<Draw>>,
    /// The functions for images of the next message, once their code is loaded.
    pub pictures: RwSignal<Option<Pictures>>,
    /// Whether the list is folded away where there is room for it beside the page.
    pub folded: RwSignal<bool>,
    /// How far the server's clock is ahead of the browser's, in milliseconds.
    clock_ahead_ms: StoredValue<f64>,
}

/// What a model is chosen for: another reply in place of this one, or else the next message.
pub type ModelFor = Option<MessageId>;

/// What the route shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Start,
    Opening,
    Thread(ConversationId),
    Deleted,
    Absent,
}

impl PageState {
    pub fn new(live: Live) -> Self {
        let address = Address::new();
        let place = address.place();
        Self {
            live,
            address,
            place,
            models: RwSignal::new(Vec::new()),
            picked: RwSignal::new(String::new()),
            choosing: RwSignal::new(None),
            me: StoredValue::new(None),
            notice: RwSignal::new(String::new()),
            whisper: RwSignal::new(String::new()),
            absent: RwSignal::new(None),
            awake: RwSignal::new(false),
            following: RwSignal::new(true),
            turning: StoredValue::new(false),
            first_message: RwSignal::new(None),
            draw: RwSignal::new(None),
            pictures: RwSignal::new(None),
            folded: RwSignal::new(folded::is_folded()),
            clock_ahead_ms: StoredValue::new(0.0),
        }
    }

    pub fn here() -> Self {
        expect_context()
    }

    /// Takes over what the first page loaded. Server and browser both do this before they draw.
    pub fn lay_out(self, first: First) {
        match first.page {
            Some(Ok(page)) => self.live.show(Some(page)),
            Some(Err(problem)) => self.absent.set(Some(problem)),
            None => self.live.show(None),
        }
        match first.home {
            Ok(home) => self.take_home(home),
            // A reader with the public link has none.
            Err(Problem::Unknown) => {}
            Err(problem) => self.notice.set(problem.to_string()),
        }
        self.first_message.set(Some(first.message));
        self.set_clock(first.message);
    }

    fn take_home(self, home: Home) {
        match home.list {
            Ok(list) => self.live.listed(list),
            Err(problem) => self.notice.set(problem.to_string()),
        }
        self.models.set(home.models);
        self.me.set_value(home.me);
    }

    /// Users' clocks are off by seconds, some by hours; the times that the page shows must not be. The id was made by
    /// the server just before the page left it.
    fn set_clock(self, made: MessageId) {
        Effect::new(move || self.clock_ahead_ms.set_value(made.made_at_ms() as f64 - browser::page_arrived_ms()));
    }

    /// The time of the server's clock, in milliseconds since 1970.
    pub fn server_now_ms(self) -> f64 {
        browser::now_ms() + self.clock_ahead_ms.get_value()
    }

    /// Loads the address's route, in the browser. A conversation that was just created here is shown already.
    pub fn go(self, place: Route) {
        self.absent.set(None);
        self.notice.set(String::new());
        self.following.set(true);
        let Some(id) = place.conversation() else { return self.live.show(None) };
        if self.open_conversation() == Some(id) {
            return;
        }
        spawn_local(async move {
            let page = api::open(id).await;
            if self.place.try_get_untracked() != Some(place) {
                return;
            }
            match page {
                Ok(page) => self.live.show(Some(page)),
                Err(problem) => self.absent.set(Some(problem)),
            }
        });
    }

    fn open_conversation(self) -> Option<ConversationId> {
        self.live.thread.with_untracked(|thread| Some(thread.as_ref()?.conversation.id))
    }

    /// The user's access to the open conversation.
    pub fn access(self) -> Access {
        self.live.thread.with(|thread| thread.as_ref().map(|thread| thread.access).unwrap_or_default())
    }

    /// Whether another account has this id.
    pub fn is_other(self, account: AccountId) -> bool {
        self.me.with_value(|me| me.as_ref().is_none_or(|me| me.id != account))
    }

    /// What the route shows, derived from all of the page's state.
    pub fn shown(self) -> Shown {
        if self.absent.with(Option::is_some) {
            return Shown::Absent;
        }
        let thread = self.live.thread.with(|thread| thread.as_ref().map(|it| (it.conversation.id, it.deleted)));
        match (self.place.get(), thread) {
            (Route::Start, None) => Shown::Start,
            (Route::Start, Some((id, _))) => Shown::Thread(id),
            (Route::Conversation(here), Some((id, true))) if here == id => Shown::Deleted,
            (Route::Conversation(here), Some((id, false))) if here == id => Shown::Thread(id),
            _ => Shown::Opening,
        }
    }

    /// How many other conversations have a reply that was not seen.
    pub fn unseen(self) -> usize {
        let here = self.place.get().conversation();
        let is_elsewhere = |(id, news): &&(ConversationId, News)| *news == News::Unread && Some(*id) != here;
        self.live.news.with(|news| news.iter().filter(is_elsewhere).count())
    }

    /// The document's title.
    pub fn title(self) -> String {
        match self.shown() {
            Shown::Start | Shown::Opening => "Rivulet".into(),
            Shown::Thread(_) => self
                .live
                .thread
                .with(|it| it.as_ref().map(|it| labels::titled(&labels::heading(it))).unwrap_or_default()),
            Shown::Deleted | Shown::Absent => labels::titled(NOTHING),
        }
    }

    /// The reply that is being generated.
    pub fn open_reply(self) -> Option<MessageId> {
        self.live.draft.with(|draft| draft.as_ref().filter(|draft| draft.status.is_open()).map(|draft| draft.reply))
    }

    /// A model's name; the last part of its id where it is not among the models that can be chosen.
    pub fn model_name(self, id: &str) -> String {
        self.models.with(|models| labels::model_among(models, id))
    }

    /// Announces to screen readers. What was announced last is announced again: its text has to change for that.
    pub fn say(self, words: &str) {
        let again = self.whisper.with_untracked(|before| before == words);
        self.whisper.set(if again { format!("{words}\u{a0}") } else { words.to_owned() });
    }

    /// Runs an action on the server, and shows its failure.
    pub fn attempt<T: 'static>(self, action: impl Future<Output = Result<T, Problem>> + 'static) {
        self.watch(action.map_ok(drop).boxed_local());
    }

    fn watch(self, action: LocalBoxFuture<'static, Result<(), Problem>>) {
        self.notice.set(String::new());
        spawn_local(async move {
            if let Err(problem) = action.await {
                self.notice.set(problem.to_string());
            }
        });
    }

    /// Asks the open reply to end here.
    pub fn stop(self) {
        if untrack(|| self.access()) == Access::Reader {
            return;
        }
        if let Some(reply) = untrack(|| self.open_reply()) {
            self.attempt(api::stop(reply));
        }
    }

    /// The address that a plain form is redirected to.
    pub fn form_conversation(self) -> Option<String> {
        self.place.get().conversation().map(|id| id.to_string())
    }
}
