//! Sending a message, from the text field to the server. Text is never lost: it stays in
//! this browser's storage until the server has it, and comes back into the field where it could not be sent.

use super::chosen_model::default_model;
use super::field;
use super::too_long;
use super::unsent_images::UnsentImages;
use crate::contract::{Changes, Later, Sent};
use crate::error::Problem;
use crate::model::{Access, Conversation, ConversationId, Image, ImageId, Message, MessageId, Standing};
use crate::ui::lazy;
use crate::ui::page::PageState;
use crate::ui::route::Route;
use crate::{api, browser};
use js_sys::Array;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// How often typing is reported: half the time after which the server lets it expire.
const TELL_TYPING_MS: f64 = 3_000.0;

/// One per page, provided as context by the layout. Its methods are for effects and handlers.
#[derive(Clone, Copy)]
pub struct Outbox {
    pub page: PageState,
    /// A copy of the field's text, for components that depend on it. The field is authoritative.
    pub text: RwSignal<String>,
    /// Whether a message is being sent. A second press then does nothing.
    pub sending: RwSignal<bool>,
    pub images: UnsentImages,
    /// The route whose message is being sent. Its text is stored for that route until the server has it.
    from: StoredValue<Option<Route>>,
    /// What was typed there since, if the user went to another route meanwhile.
    since: StoredValue<String>,
    /// The message that could not be sent. Unchanged text keeps its ids, so that a retry is idempotent.
    unsent: StoredValue<Option<Parcel>>,
    /// When typing was last reported.
    told_typing_ms: StoredValue<f64>,
    /// Whether the notice says that the text is too long.
    is_refused: StoredValue<bool>,
}

/// One message that is being sent.
#[derive(Clone, Debug, PartialEq)]
struct Parcel {
    place: Route,
    conversation: ConversationId,
    message: MessageId,
    text: String,
    images: Vec<Image>,
    /// The new conversation's settings, if this message starts one.
    start: Option<Changes>,
}

impl Outbox {
    pub fn new(page: PageState) -> Self {
        Self {
            page,
            text: RwSignal::new(String::new()),
            sending: RwSignal::new(false),
            images: UnsentImages::new(page.notice, page.whisper),
            from: StoredValue::new(None),
            since: StoredValue::new(String::new()),
            unsent: StoredValue::new(None),
            told_typing_ms: StoredValue::new(0.0),
            is_refused: StoredValue::new(false),
        }
    }

    /// Follows the field while the user types.
    pub fn typed(self) {
        let text = field::value("text");
        let place = self.page.place.get_untracked();
        if self.from.get_value() != Some(place) {
            field::keep(place, &text);
        }
        if self.is_refused.get_value() && too_long::refusal(&text).is_none() {
            self.is_refused.set_value(false);
            self.page.notice.set(String::new());
        }
        self.text.set(text);
        self.tell_typing();
    }

    /// Reports typing to the others in the conversation.
    fn tell_typing(self) {
        let now = browser::now_ms();
        let alone = self.page.live.company.with_untracked(String::is_empty);
        if alone || now - self.told_typing_ms.get_value() < TELL_TYPING_MS {
            return;
        }
        if let Some(id) = self.page.place.get_untracked().conversation() {
            self.told_typing_ms.set_value(now);
            browser::beacon(&format!("/api/v1/conversations/{id}/typing"));
        }
    }

    /// Fills the field and focuses it.
    pub fn write(self, text: &str) {
        field::set("text", text);
        self.typed();
        browser::focus_id("text");
    }

    /// Restores the stored draft, unless the field has a text: typed before hydration, or restored by
    /// the browser itself.
    pub fn restore(self, place: Route) {
        let typed = field::value("text");
        if typed.is_empty() {
            return self.fill(&field::kept(place));
        }
        field::keep(place, &typed);
        self.text.set(typed);
    }

    /// The route has changed: the field gets that route's draft.
    pub fn turn(self, before: Route, place: Route) {
        self.images.asked.set(false);
        let from = self.from.get_value();
        if from == Some(before) {
            self.since.set_value(field::value("text"));
        }
        self.fill(&if from == Some(place) { self.typed_since() } else { field::kept(place) });
    }

    fn fill(self, text: &str) {
        field::set("text", text);
        self.text.set(field::value("text"));
    }

    fn typed_since(self) -> String {
        self.since.try_update_value(std::mem::take).unwrap_or_default()
    }

    /// Sends the field's text.
    pub fn send(self) {
        let text = field::value("text");
        if text.trim().is_empty() {
            return browser::focus_id("text");
        }
        if self.sending.get_untracked() {
            return;
        }
        if let Some(why) = too_long::refusal(&text) {
            self.is_refused.set_value(true);
            return self.page.notice.set(why);
        }
        let place = self.page.place.get_untracked();
        let pictures = self.page.pictures.get_untracked();
        let images = pictures.map_or(Some(Vec::new()), |pictures| (pictures.take)(self.images, place));
        self.images.asked.set(images.is_none());
        let Some(images) = images else { return };
        let parcel = self.packed(text, images);
        lazy::prepare(self.page);
        self.sending.set(true);
        self.from.set_value(Some(place));
        self.page.notice.set(String::new());
        self.page.following.set(true);
        self.draw(&parcel);
        self.fill("");
        // The selected model, even if the server does not know of the selection yet.
        let model = Some(field::model()).filter(|model| !model.is_empty());
        spawn_local(async move {
            let Parcel { conversation, message, text, start, .. } = parcel.clone();
            let sent = api::send(conversation, message, text, parcel.image_ids(), model, start).await;
            self.sending.set(false);
            self.from.set_value(None);
            match sent {
                Ok(sent) => self.arrived(&parcel, &sent),
                Err(problem) => self.returned(parcel, &problem),
            }
        });
    }

    /// Keeps the field's text until the open reply is done. Images cannot wait: they are sent with the next message.
    pub fn queue(self) {
        let text = field::value("text");
        let Some(conversation) = self.page.place.get_untracked().conversation() else { return };
        if text.trim().is_empty() || self.sending.get_untracked() {
            return browser::focus_id("text");
        }
        if let Some(why) = too_long::refusal(&text) {
            self.is_refused.set_value(true);
            return self.page.notice.set(why);
        }
        let model = Some(field::model()).filter(|model| !model.is_empty());
        let later = Later { id: Some(MessageId::new()), content: text.clone(), model };
        self.sending.set(true);
        self.page.attempt(async move {
            let queued = (lazy::now().await?.queue)(conversation, later).await;
            self.sending.set(false);
            queued?;
            self.page.say("It is sent when the reply is done.");
            // What was written since stays.
            if field::value("text") == text {
                field::keep(Route::Conversation(conversation), "");
                self.fill("");
            }
            Ok(())
        });
        browser::focus_id("text");
    }

    /// Uploads files for the message that is being written.
    pub fn attach(self, files: Array) {
        if files.length() == 0 || untrack(|| self.page.access()) == Access::Reader {
            return;
        }
        let place = self.page.place.get_untracked();
        spawn_local(async move {
            match lazy::pictures(self.page).await {
                Ok(pictures) => (pictures.attach)(self.images, place, files, Box::new(move || self.send())),
                Err(problem) => self.page.notice.set(problem.to_string()),
            }
        });
    }

    fn packed(self, text: String, images: Vec<Image>) -> Parcel {
        let place = self.page.place.get_untracked();
        let same = |parcel: &Parcel| parcel.place == place && parcel.text == text && parcel.images == images;
        let again = self.unsent.get_value().filter(same);
        let again = again.map(|parcel| (parcel.conversation, parcel.message));
        let (conversation, message) =
            again.unwrap_or_else(|| (place.conversation().unwrap_or_default(), MessageId::new()));
        let start = (place == Route::Start).then(|| Changes {
            title: None,
            model: Some(field::model()).filter(|model| !model.is_empty()).or_else(|| Some(default_model(self.page))),
            system: Some(field::value("system")),
            parameters: self.page.draw.get_untracked().and_then(|draw| (draw.parameters)()),
        });
        Parcel { place, conversation, message, text, images, start }
    }

    /// Draws the message immediately, before the server has it.
    fn draw(self, parcel: &Parcel) {
        let message = parcel.drawn();
        match &parcel.start {
            Some(start) => self.page.live.begun(begun(parcel.conversation, start), message),
            None => self.page.live.sent(message),
        }
    }

    /// The server has it.
    fn arrived(self, parcel: &Parcel, sent: &Sent) {
        self.unsent.set_value(None);
        self.page.live.accepted(sent);
        let here = self.page.place.get_untracked() == parcel.place;
        // What was typed meanwhile is stored for the route on which it will be looked for.
        let place = Route::Conversation(parcel.conversation);
        field::keep(parcel.place, "");
        if let Some(pictures) = self.page.pictures.get_untracked() {
            (pictures.moved)(self.images, parcel.place, place);
        }
        field::keep(place, &if here { field::value("text") } else { self.typed_since() });
        if here && parcel.place == Route::Start {
            field::set("system", "");
            // It is drawn already.
            self.page.address.go(place);
        }
    }

    /// The message could not be sent: its text goes back into the field, or into the draft of its route.
    fn returned(self, parcel: Parcel, problem: &Problem) {
        self.page.live.unsent(parcel.message);
        self.page.notice.set(problem.to_string());
        let here = self.page.place.get_untracked() == parcel.place;
        let since = if here { field::value("text") } else { self.typed_since() };
        let text = if since.trim().is_empty() { parcel.text.clone() } else { format!("{}\n\n{since}", parcel.text) };
        if here {
            self.write(&text);
        } else {
            field::keep(parcel.place, &text);
        }
        if let Some(pictures) = self.page.pictures.get_untracked() {
            (pictures.put_back)(self.images, parcel.place, parcel.images.clone());
        }
        self.unsent.set_value(Some(parcel));
    }
}

impl Parcel {
    fn drawn(&self) -> Message {
        let now: String = js_sys::Date::new_0().to_iso_string().into();
        Message { images: self.images.clone(), ..Message::said(self.message, None, self.text.clone(), now) }
    }

    fn image_ids(&self) -> Vec<ImageId> {
        self.images.iter().map(|image| image.id).collect()
    }
}

fn begun(id: ConversationId, start: &Changes) -> Conversation {
    let now: String = js_sys::Date::new_0().to_iso_string().into();
    Conversation {
        id,
        title: String::new(),
        model: start.model.clone().unwrap_or_default(),
        system: start.system.clone().unwrap_or_default(),
        parameters: start.parameters.clone().unwrap_or_default(),
        owner: None,
        created_at: now.clone(),
        updated_at: now,
        queued: None,
        standing: Standing::default(),
    }
}
