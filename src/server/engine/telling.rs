//! What a model is told of a conversation. Only that is read, and the rest is counted.
//!
//! A model whose window is not known is told everything, which in a long conversation takes longer to read than all else
//! that a message needs. A message is then answered first, and the conversation read by the reply's task.

use super::opening::request;
use super::outcome::{Facts, Outcome};
use super::vision::{self, Shown};
use super::{Open, Shared, context, ending, reply};
use crate::error::Problem;
use crate::model::{ConversationId, Message, MessageId, Parameters};
use crate::server::provider::Request;
use crate::server::store::conversations::Stored;
use crate::server::store::history::{History, Reach};
use crate::server::store::messages::Told;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// How much of the conversation a model is told. A wall against runaway memory, not a rule about context.
pub(super) const MAX_TURNS: i64 = 10_000;
/// What is read at once where the window is not known: eight thousand tokens. Of more, all is read later.
const EAGER_CHARACTERS: i64 = 32 << 10;

/// What a model is asked.
pub(super) enum Asked {
    Now(Request),
    /// It is still to be read.
    Later(Box<Later>),
}

/// What a request is made of, where the conversation is long.
pub(super) struct Later {
    stored: Stored,
    /// The end of what was said before.
    leaf: MessageId,
    question: Option<Told>,
    reply: Message,
}

impl Shared {
    /// How much of a conversation is read for a model.
    pub(super) fn reach(&self, conversation: ConversationId, model: &str, parameters: &Parameters) -> Reach {
        let characters = self.characters(model, parameters);
        match self.ways.knows(conversation) {
            true => Reach::Newest(characters),
            false => Reach::Counted(characters),
        }
    }

    fn characters(&self, model: &str, parameters: &Parameters) -> i64 {
        let window = self.providers.window(model);
        window.map_or(EAGER_CHARACTERS, |window| context::characters(window, parameters))
    }

    /// The way to `leaf` from the conversation's first message, as far as the model is told of it.
    pub(super) async fn history(
        &self,
        stored: &Stored,
        leaf: Option<MessageId>,
        model: &str,
    ) -> Result<History, Problem> {
        let Some(leaf) = leaf else { return Ok(History::none()) };
        self.read(stored.id, leaf, self.reach(stored.id, model, &stored.parameters)).await
    }

    async fn read(&self, conversation: ConversationId, leaf: MessageId, reach: Reach) -> Result<History, Problem> {
        Ok(self.store.history(conversation, leaf, MAX_TURNS, reach).await?)
    }

    /// What the model is asked, as far as it can read and see, after `history` and perhaps a new `question`. The reply
    /// says what it is not shown.
    pub(super) async fn ask(
        &self,
        stored: &Stored,
        mut history: History,
        question: Option<&Message>,
        model: &str,
        reply: &mut Message,
    ) -> Result<Asked, Problem> {
        let window = self.providers.window(model);
        let question = question.map(Told::of);
        if let Some(leaf) = history.told.last().map(|told| told.id).filter(|_| 0 < history.earlier) {
            history = self.counted(stored, leaf, history, model).await?;
            let has_images = 0 < history.earlier_images
                || history.told.iter().chain(&question).any(|message| !message.images.is_empty());
            if window.is_none() && !has_images && 0 < history.earlier {
                let (stored, reply) = (stored.clone(), reply.clone());
                return Ok(Asked::Later(Box::new(Later { stored, leaf, question, reply })));
            }
            if window.is_none() {
                history = self.read(stored.id, leaf, Reach::ALL).await?;
            }
        }
        history.told.extend(question);
        let shown = self.show(model, &history.told).await?;
        let mut request = request(stored, &history.told, reply, &shown);
        context::fit(window, history.earlier, &mut request, reply);
        reply.images_left_out = vision::left_out(&history, &request);
        Ok(Asked::Now(request))
    }

    /// The history with as much of it as the model can be told, and the rest counted.
    async fn counted(&self, stored: &Stored, leaf: MessageId, read: History, model: &str) -> Result<History, Problem> {
        let characters = self.characters(model, &stored.parameters);
        let enough = Some(read).filter(|read| characters <= read.reach.characters());
        let counted = enough.and_then(|read| match read.reach {
            Reach::Counted(_) => Some(read),
            Reach::Newest(_) => self.ways.count(stored.id, read, MAX_TURNS),
        });
        let counted = match counted {
            Some(counted) => counted,
            None => self.read(stored.id, leaf, Reach::Counted(characters)).await?,
        };
        if counted.messages < MAX_TURNS && 0 < counted.earlier {
            self.ways.remember(stored.id, &counted);
        }
        Ok(counted)
    }

    async fn read_all(&self, later: Later) -> Result<Request, Problem> {
        let Later { stored, leaf, question, reply } = later;
        let mut history = self.read(stored.id, leaf, Reach::ALL).await?;
        history.told.extend(question);
        Ok(request(&stored, &history.told, &reply, &Shown::none()))
    }
}

/// Reads the conversation, and generates the reply. Like [`reply::run`], it never leaves a reply open, and hears a stop
/// and the server's end at once.
pub(super) async fn run(shared: Arc<Shared>, open: Arc<Open>, model: String, later: Box<Later>) {
    let reading = Box::pin(AssertUnwindSafe(shared.read_all(*later)).catch_unwind());
    let read = tokio::select! {
        biased;
        outcome = reply::cut(&shared, &open) => Err(outcome),
        read = reading => read.map_err(|_| {
            shared.metrics.panic("reply");
            Outcome::Failed(reply::internal())
        }),
    };
    match read {
        Ok(Ok(request)) => reply::run(shared, open, model, request).await,
        Ok(Err(_)) => give_up(&shared, &open, model, Outcome::Failed(reply::internal())).await,
        Err(outcome) => give_up(&shared, &open, model, outcome).await,
    }
}

/// Ends a reply whose conversation was not read: it could not be, or the reply was stopped before.
async fn give_up(shared: &Arc<Shared>, open: &Open, model: String, outcome: Outcome) {
    let closing = reply::Closing { shared, open };
    let facts = Facts { model, ..Facts::default() };
    let unsaved = ending::end(shared, open, outcome, facts).await;
    drop(closing);
    ending::after(shared, open);
    if let Some(ending) = unsaved {
        ending::save_later(shared, &ending).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, Image, Role, Status};
    use crate::server::engine::opening::empty_reply;
    use crate::server::journal::Topic;
    use crate::server::quota::Quota;
    use crate::server::store::sql;
    use crate::server::store::sqlite::READERS;
    use crate::tests::app::App;
    use crate::tests::images::files::png;
    use crate::tests::rng::Dice;
    use std::time::Duration;
    use tokio::time::timeout;

    /// Models with windows of every size that matters here, and one whose window is not known.
    const MODELS: [&str; 6] = ["mock", "w0", "w40", "w100", "w400", "w4000"];
    const TOML: &str = r#"[providers.anthropic]
        kind = "anthropic"
        base_url = "URL"
        models = [{ id = "mock" }, { id = "w0", context = 1 }, { id = "w40", context = 40 },
                  { id = "w100", context = 100 }, { id = "w400", context = 400 }, { id = "w4000", context = 4000 }]"#;
    const PIECES: [&str; 9] =
        ["", " ", "\n\u{3000}\u{85}", "word ", "é", "\u{0}", "日本", "a rather long sentence. ", "\u{200b}"];

    struct Place {
        app: App,
        stored: Stored,
        images: Vec<Image>,
    }

    impl Place {
        async fn new() -> Self {
            let app = App::configured(TOML).await;
            let id: ConversationId = app.conversation().await.parse().unwrap();
            let account: AccountId = app.state.store.owner(id).await.unwrap();
            let stored = app.state.store.conversation(account, id).await.unwrap();
            let mut ids = Vec::new();
            for side in [8, 300] {
                ids.push(app.image(png(side, side)).await.parse().unwrap());
            }
            let images = app.state.store.images(account, &ids).await.unwrap();
            Self { app, stored, images }
        }

        fn shared(&self) -> Arc<Shared> {
            Arc::clone(&self.app.state.engine.shared)
        }

        /// Adds a message as it is stored.
        async fn add(&self, told: &Told, parent: Option<MessageId>) {
            let mut write = self.app.state.store.write().await.unwrap();
            sql::query(
                "insert into message (id, conversation, position, parent, role, text, thinking, status, created_at, images)
                 values ($1, $2, 1 + (select count(*) from message where conversation = $2), $3, $4, $5, 'Hm', 'done', '', $6)",
            )
            .bind(told.id.to_string())
            .bind(self.stored.id.to_string())
            .bind(parent.map(|parent| parent.to_string()))
            .bind(told.role.name())
            .bind(&told.text)
            .bind(serde_json::to_string(&told.images).unwrap())
            .execute(&mut *write)
            .await
            .unwrap();
            for image in &told.images {
                sql::query("insert into message_image (message, image) values ($1, $2)")
                    .bind(told.id.to_string())
                    .bind(image.id.to_string())
                    .execute(&mut *write)
                    .await
                    .unwrap();
            }
            write.commit().await.unwrap();
        }
    }

    /// What a model is asked, where all of the conversation is read.
    async fn from_all(shared: &Shared, stored: &Stored, told: &[Told], model: &str, reply: &mut Message) -> Request {
        let shown = shared.show(model, told).await.unwrap();
        let mut request = request(stored, told, reply, &shown);
        context::fit(shared.providers.window(model), 0, &mut request, reply);
        let all: usize = told.iter().map(|message| message.images.len()).sum();
        let seen: usize = request.turns.iter().map(|turn| turn.images.len()).sum();
        reply.images_left_out = (all - seen) as u32;
        request
    }

    fn random_message(dice: &mut Dice, images: &[Image]) -> Told {
        let mut one = |most: usize| dice.below(most as u64) as usize;
        let role = if one(2) == 0 { Role::User } else { Role::Assistant };
        let length = [0, 1, 3, 8, 40][one(5)];
        let text = (0..length).map(|_| PIECES[one(PIECES.len())]).collect();
        let images = images.iter().filter(|_| one(6) == 0).cloned().collect();
        Told { id: MessageId::new(), role, text, images }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_model_is_shown_and_what_the_reply_says_of_it_is_as_if_all_were_read() {
        let (place, mut dice) = (Place::new().await, Dice::new(11));
        let shared = place.shared();
        let mut tree: Vec<(Told, Option<usize>)> = Vec::new();
        let (mut cut, mut later) = (0, 0);
        for round in 0..240 {
            let mut told = random_message(&mut dice, if round < 120 { &[] } else { &place.images });
            if round < 3 {
                // Together longer than what is read at once.
                told.text = "long ".repeat(8_000);
            }
            let parent = match dice.below(8) {
                0 => Some(dice.below(tree.len() as u64) as usize),
                _ => tree.len().checked_sub(1),
            };
            let parent = parent.filter(|parent| *parent < tree.len());
            place.add(&told, parent.map(|parent| tree[parent].0.id)).await;
            tree.push((told, parent));
            let mut path = Vec::new();
            let mut at = Some(tree.len() - 1 - dice.below(tree.len().min(4) as u64) as usize);
            while let Some(index) = at {
                path.insert(0, tree[index].0.clone());
                at = tree[index].1;
            }
            let question = Message::said(MessageId::new(), None, "What now?".into(), String::new());
            let question = (dice.below(3) != 0).then_some(question);
            let leaf = path.last().unwrap().id;
            path.extend(question.as_ref().map(Told::of));
            let model = format!("anthropic/{}", MODELS[dice.below(MODELS.len() as u64) as usize]);
            let mut stored = place.stored.clone();
            stored.parameters.max_output_tokens = [None, Some(1), Some(50)][dice.below(3) as usize];
            let kept = if dice.below(4) == 0 { "So far" } else { "" };
            let opened = Message::opened(MessageId::new(), None, &model, String::new());
            let (mut expected, mut reply) =
                (Message { text: kept.into(), ..opened.clone() }, Message { text: kept.into(), ..opened });
            let wanted = from_all(&shared, &stored, &path, &model, &mut expected).await;
            let reaches =
                [Reach::Newest(0), Reach::Newest(300), Reach::Counted(0), Reach::Counted(20), Reach::Counted(400)];
            let reach = match dice.below(6) as usize {
                5 => shared.reach(stored.id, &model, &stored.parameters),
                other => reaches[other],
            };
            let read = shared.read(stored.id, leaf, reach).await.unwrap();
            assert_eq!(read.told.last().map(|told| told.id), Some(leaf));
            cut += u32::from(0 < read.earlier);
            let asked = shared.ask(&stored, read, question.as_ref(), &model, &mut reply).await.unwrap();
            let asked = match asked {
                Asked::Now(request) => request,
                Asked::Later(put_off) => {
                    later += 1;
                    shared.read_all(*put_off).await.unwrap()
                }
            };
            assert_eq!(asked, wanted, "{model}, {reach:?} of {path:?}");
            let said = |reply: &Message| (reply.left_out, reply.images_left_out);
            assert_eq!(said(&reply), said(&expected), "{model}, {reach:?} of {path:?}");
        }
        assert!(30 < cut && 3 < later, "{cut} {later}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_long_conversation_is_read_as_far_as_it_is_told_and_the_rest_is_counted() {
        const MESSAGES: usize = 5_000;
        let place = Place::new().await;
        let mut write = place.app.state.store.write().await.unwrap();
        sql::query(
            "insert into message (id, conversation, position, parent, role, text, thinking, status, created_at)
             with recursive n (i) as (select 1 union all select i + 1 from n where i < $2)
             select printf('00000000-0000-7000-8000-%012x', i), $1, i,
                    case when i = 1 then null else printf('00000000-0000-7000-8000-%012x', i - 1) end,
                    case when i % 2 = 1 then 'user' else 'assistant' end, printf('%.*c', 400, 'x'), '', 'done', ''
             from n",
        )
        .bind(place.stored.id.to_string())
        .bind(MESSAGES as i64)
        .execute(&mut *write)
        .await
        .unwrap();
        write.commit().await.unwrap();
        let shared = place.shared();
        let leaf = shared.store.shown_leaf(place.stored.id).await.unwrap();
        for (model, most) in [("anthropic/w4000", 28), ("anthropic/mock", 84)] {
            let history = shared.history(&place.stored, leaf, model).await.unwrap();
            assert!(history.told.len() < most, "{model}: {}", history.told.len());
            assert_eq!(history.told.len() + history.earlier as usize, MESSAGES, "{model}");
            assert_eq!(history.messages as usize, MESSAGES, "{model}");
        }
        // All of it is told in the end where nobody knows how much the model can read.
        let conversation = place.stored.id.to_string();
        let sent = place.app.send(&conversation, &crate::tests::upstream::script::Script::default()).await;
        assert_eq!(place.app.rest_of(&conversation, &sent).await.last().unwrap().event, "done");
        // The next time nothing is counted that was counted before.
        let leaf = shared.store.shown_leaf(place.stored.id).await.unwrap();
        let history = shared.history(&place.stored, leaf, "anthropic/w4000").await.unwrap();
        assert!(matches!(history.reach, Reach::Newest(_)) && history.told.len() < 28 && history.earlier == 1);
        let counted = shared.ways.count(place.stored.id, history, MAX_TURNS).unwrap();
        assert_eq!(counted.told.len() + counted.earlier as usize, MESSAGES + 2);
        let seen = &place.app.upstream.seen()[0].body;
        assert_eq!(seen["messages"].as_array().unwrap().len(), MESSAGES + 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stop_and_the_server_s_end_are_heard_while_a_conversation_is_read() {
        let place = Place::new().await;
        let shared = place.shared();
        let told = Told { id: MessageId::new(), role: Role::User, text: "Hm".into(), images: Vec::new() };
        place.add(&told, None).await;
        let journal = shared.journals.topic(Topic::Conversation(place.stored.id));
        for (is_stop, status) in [(true, Status::Stopped), (false, Status::Interrupted)] {
            let reply = empty_reply(told.id, "anthropic/mock", String::new());
            let later = Later { stored: place.stored.clone(), leaf: told.id, question: None, reply: reply.clone() };
            // All readers are in use, so that the conversation is not read before they are given back.
            let mut readers = Vec::new();
            for _ in 0..READERS {
                readers.push(shared.store.read().take().await.unwrap());
            }
            let (target, asked) = (place.stored.clone().into(), Asked::Later(Box::new(later)));
            let turn = journal.turn().await;
            let admission = shared.admit(place.stored.owner.id, place.stored.id, Quota::default()).await.unwrap();
            shared.open(target, &admission, &turn, None, &reply, asked).await.unwrap();
            drop(turn);
            let open = shared.find(reply.id).unwrap();
            let cut = if is_stop { &open.stop } else { &shared.interrupt };
            cut.cancel();
            timeout(Duration::from_secs(5), open.ended.cancelled()).await.expect("it goes on reading");
            drop(readers);
            let (ended, ..) = shared.store.message(reply.id).await.unwrap().unwrap();
            assert_eq!((ended.status, ended.usage), (status, None));
            assert!(!journal.is_open());
        }
        assert!(place.app.upstream.seen().is_empty());
    }
}
