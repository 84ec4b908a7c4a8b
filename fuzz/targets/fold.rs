//! The fold: any conversation that a server could write, followed from the start and from any position.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rivulet::event::{Cursor, Event, Snapshot, Thread};
use rivulet::model::{Conversation, ConversationId, Message, MessageId, ReplyError, Usage};
use uuid::Uuid;

const NOW: &str = "2026-01-01T00:00:00Z";

// The first byte chooses where a viewer comes in; each other one is a step.
fuzz_target!(|data: &[u8]| {
    let Some((&place, steps)) = data.split_first() else { return };
    let history = history(steps);
    let whole = folded(Thread::from(snapshot(Thread::from(empty()))), &history);

    let (before, after) = history.split_at(usize::from(place) % (history.len() + 1));
    let seen = folded(Thread::from(empty()), before);
    assert_eq!(folded(Thread::from(snapshot(seen)), after), whole, "a snapshot and what follows is the whole");

    // The store is read after the journal: the messages are those of the end, and then all events are applied again.
    let ahead = Thread { draft: None, ..whole.clone() };
    if whole.draft.is_none() {
        assert_eq!(folded(ahead, &history), whole, "being told again changes nothing");
    }

    let open: Vec<_> = whole.messages.iter().filter(|message| message.status.is_open()).map(|it| it.id).collect();
    let drafted: Vec<_> = whole.draft.iter().map(|draft| draft.reply).collect();
    assert_eq!(open, drafted, "no reply is left open behind another");
});

fn folded(mut thread: Thread, events: &[Event]) -> Thread {
    events.iter().for_each(|event| thread.apply(event));
    thread
}

fn snapshot(thread: Thread) -> Snapshot {
    let Thread { conversation, messages, earlier, draft, .. } = thread;
    Snapshot { conversation, messages, earlier, draft, cursor: Cursor { epoch: 1, seq: 0 } }
}

fn empty() -> Snapshot {
    let conversation = conversation("");
    Snapshot { conversation, messages: Vec::new(), earlier: false, draft: None, cursor: Cursor { epoch: 1, seq: 0 } }
}

/// Replies are opened, fed, ended and answered anew, in any order that a server would write.
fn history(steps: &[u8]) -> Vec<Event> {
    let (mut events, mut last, mut asked, mut open) = (Vec::new(), None, None, None);
    for (index, step) in steps.iter().enumerate() {
        let (new, text) = (id(2 * index as u128 + 1), step.to_string());
        match (step % 8, open) {
            (0, Some(reply)) => {
                events.push(end(reply, step / 8));
                open = None;
            }
            (1, Some(reply)) => {
                let (since, ms) = ((step % 16 == 1).then(|| NOW.to_owned()), (step % 32 == 9).then_some(1_000));
                events.push(Event::Thinking { reply, text, since, ms });
            }
            (_, Some(reply)) => events.push(Event::Token { reply, text }),
            (0, None) => events.push(Event::Conversation { conversation: conversation(&text).into() }),
            (1, None) if asked.is_some() => {
                events.push(begin(new, asked));
                (last, open) = (Some(new), Some(new));
            }
            (_, None) => {
                let reply = id(2 * index as u128 + 2);
                events.push(Event::Message { message: Message::said(new, last, text, NOW.into()).into() });
                events.push(begin(reply, Some(new)));
                (asked, last, open) = (Some(new), Some(reply), Some(reply));
            }
        }
    }
    events
}

fn begin(reply: MessageId, parent: Option<MessageId>) -> Event {
    Event::Reply { reply, model: "demo/tour".into(), parent, created_at: NOW.into(), left_out: 0, images_left_out: 0 }
}

fn end(reply: MessageId, choice: u8) -> Event {
    match choice % 4 {
        0 => Event::Done {
            reply,
            usage: Some(Usage { input_tokens: 1, output_tokens: 2, ..Usage::default() }),
            stop_reason: None,
        },
        1 => Event::Stopped { reply, usage: None },
        2 => Event::Interrupted { reply },
        _ => {
            let (kind, message) = ("broken".into(), "It broke.".into());
            Event::Error {
                reply,
                usage: None,
                error: ReplyError { kind, message, retryable: false, retry_after_ms: None }.into(),
            }
        }
    }
}

fn id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

fn conversation(title: &str) -> Conversation {
    Conversation {
        id: ConversationId(Uuid::from_u128(1)),
        title: title.into(),
        model: "demo/tour".into(),
        system: String::new(),
        parameters: Default::default(),
        created_at: NOW.into(),
        updated_at: NOW.into(),
    }
}
