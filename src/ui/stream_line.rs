//! The stream line: a thin line that shows the stream's state, and the text for it.

use crate::error::Problem;
use crate::event::{Draft, Thread};
use crate::model::{ConversationId, Role, Status};
use crate::ui::live::Connection;
use crate::ui::page::PageState;
use leptos::prelude::*;

/// The state of the stream. Each state follows from what has arrived, never from an assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Current {
    Rest,
    Connecting,
    Waiting,
    Thinking,
    Flowing,
    Reconnecting,
    Offline,
}

impl Current {
    /// `asked`: something was sent that no reply has begun to answer.
    fn of(link: Connection, draft: Option<&Draft>, asked: bool) -> Self {
        let draft = draft.filter(|draft| draft.status.is_open());
        match (link, draft) {
            (Connection::Offline, _) => Self::Offline,
            (Connection::Reconnecting, _) => Self::Reconnecting,
            (Connection::Connecting, Some(_)) => Self::Connecting,
            (_, Some(draft)) if draft.thinking_since.is_some() => Self::Thinking,
            (_, Some(draft)) if !draft.text.is_empty() => Self::Flowing,
            (_, Some(draft)) if !draft.thinking.is_empty() => Self::Thinking,
            (_, Some(_)) => Self::Waiting,
            (_, None) if asked => Self::Waiting,
            (_, None) => Self::Rest,
        }
    }

    /// Whether nothing is written here any more, or it is not known.
    fn is_end(self) -> bool {
        matches!(self, Self::Rest | Self::Reconnecting | Self::Offline)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Connecting | Self::Waiting => "still",
            Self::Thinking => "stirring",
            Self::Flowing => "flowing",
            Self::Reconnecting | Self::Offline => "broken",
        }
    }

    /// `open`: a reply is being generated, which the user should know is safe.
    fn words(self, open: bool) -> &'static str {
        match self {
            Self::Rest => "",
            Self::Connecting => "Connecting…",
            Self::Waiting => "Waiting for the model…",
            Self::Thinking => "Thinking…",
            Self::Flowing => "Writing…",
            Self::Reconnecting if open => "Connection lost. Reconnecting; the reply may go on meanwhile.",
            Self::Reconnecting => "Connection lost. Reconnecting…",
            Self::Offline if open => {
                "Offline. The reply may go on; what there is of it will be here when you are back."
            }
            Self::Offline => "Offline. What you write is kept in this browser.",
        }
    }
}

/// What of a reply is announced to screen readers, as the account has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Announced {
    All,
    End,
    Nothing,
}

impl Announced {
    fn of(chosen: Option<&str>) -> Self {
        match chosen {
            Some("end") => Self::End,
            Some("nothing") => Self::Nothing,
            _ => Self::All,
        }
    }
}

#[component]
pub fn CurrentLine() -> impl IntoView {
    let page = PageState::here();
    let current = Memo::new(move |_| current(page));
    let ended = Memo::new(move |before: Option<&Ended>| {
        let shown = page.live.thread.with(|thread| thread.as_ref().map(|thread| thread.conversation.id));
        Ended::after(before, shown, page.open_reply().is_some() || asked(page))
    });
    let words = move || {
        // Read in every state: a memo without a reader misses changes.
        let ended = ended.get().ended;
        match current.get() {
            Current::Rest if ended => outcome(page).into(),
            Current::Waiting if waiting(page).is_some() => waiting(page).unwrap_or_default(),
            Current::Reconnecting if refusal(page).is_some() => refusal(page).unwrap_or_default(),
            current => current.words(page.open_reply().is_some()).to_owned(),
        }
    };
    let announced = Memo::new(move |_| {
        let chosen = page.live.preferences.with(|chosen| chosen.as_ref().map(|chosen| chosen.announced.clone()));
        Announced::of(chosen.as_deref())
    });
    Effect::new(move || {
        let (words, current) = (words(), current.get());
        if announced.get() == Announced::End && current.is_end() && !words.is_empty() {
            page.say(&words);
        }
    });
    let role = move || (announced.get() == Announced::All).then_some("status");
    view! {
        <div class="stream-line" data-state=move || current.get().name()></div>
        <p class="stream-line__words" role=role data-state=move || current.get().name()>{words}</p>
    }
}

/// How the awaited reply ended.
fn outcome(page: PageState) -> &'static str {
    let last = |thread: &Thread| thread.messages.last().map(|message| message.status);
    match page.live.thread.with(|thread| thread.as_ref().and_then(last)) {
        Some(Status::Stopped) => "Reply stopped.",
        Some(Status::Interrupted | Status::Failed) => "The reply broke off.",
        _ => "Reply finished.",
    }
}

/// The server's notice about a provider that cannot answer yet.
fn waiting(page: PageState) -> Option<String> {
    page.live.draft.with(|draft| draft.as_ref().and_then(|draft| draft.waiting.clone()))
}

/// The problem that the server answered a follow with.
fn refusal(page: PageState) -> Option<String> {
    page.live.problem.with(|problem| problem.as_ref().map(Problem::to_string))
}

fn current(page: PageState) -> Current {
    // Before hydration nothing connects: the server's state is shown.
    let link = if page.awake.get() { page.live.link.get() } else { Connection::Live };
    page.live.draft.with(|draft| Current::of(link, draft.as_ref(), asked(page)))
}

/// Whether something was sent that no reply has begun to answer.
fn asked(page: PageState) -> bool {
    let is_question = |thread: &Thread| thread.messages.last().is_some_and(|last| last.role == Role::User);
    page.live.thread.with(|thread| thread.as_ref().is_some_and(is_question))
}

/// Whether a reply that was waited for here has ended since. A short one may start and end between two renderings, so
/// an unanswered message counts as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ended {
    /// The conversation; none on the start page, where it is yet to be created.
    shown: Option<ConversationId>,
    waiting: bool,
    ended: bool,
}

impl Ended {
    fn after(before: Option<&Self>, shown: Option<ConversationId>, waiting: bool) -> Self {
        let here = |before: &Self| before.shown.is_none() || before.shown == shown;
        let before = before.copied().filter(here).unwrap_or_default();
        Self { shown, waiting, ended: !waiting && (before.waiting || before.ended) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    fn draft(text: &str, thinking: &str) -> Draft {
        Draft { text: text.into(), thinking: thinking.into(), ..Draft::new(MessageId::new()) }
    }

    #[test]
    fn the_current_tells_what_arrived() {
        assert_eq!(Current::of(Connection::Live, None, false), Current::Rest);
        assert_eq!(Current::of(Connection::Live, None, true), Current::Waiting);
        assert_eq!(Current::of(Connection::Live, Some(&draft("", "")), false), Current::Waiting);
        assert_eq!(Current::of(Connection::Live, Some(&draft("", "hm")), false), Current::Thinking);
        assert_eq!(Current::of(Connection::Live, Some(&draft("a", "hm")), false), Current::Flowing);
        let since = Some("2026-01-01T00:00:00.000Z".to_owned());
        let silent = Draft { thinking_since: since.clone(), ..draft("", "") };
        assert_eq!(Current::of(Connection::Live, Some(&silent), false), Current::Thinking);
        let again = Draft { thinking_since: since, ..draft("a", "hm") };
        assert_eq!(Current::of(Connection::Live, Some(&again), false), Current::Thinking);
    }

    #[test]
    fn u14_nobody_here_knows_whether_a_reply_goes_on() {
        for current in [Current::Reconnecting, Current::Offline] {
            assert!(current.words(true).contains("may go on"));
            assert!(!current.words(false).contains("go on"));
        }
    }

    #[test]
    fn a_lost_connection_is_never_drawn_as_flowing() {
        assert_eq!(Current::of(Connection::Reconnecting, Some(&draft("a", "")), false), Current::Reconnecting);
        assert_eq!(Current::of(Connection::Offline, Some(&draft("a", "")), false), Current::Offline);
    }

    #[test]
    fn an_end_is_told_until_the_next_question_and_only_where_it_was() {
        let (here, there) = (Some(ConversationId::new()), Some(ConversationId::new()));
        let waiting = Ended::after(Some(&Ended::default()), here, true);
        let ended = Ended::after(Some(&waiting), here, false);
        assert!(!waiting.ended && ended.ended);
        assert!(Ended::after(Some(&ended), here, false).ended);
        assert!(!Ended::after(Some(&ended), here, true).ended);
        assert!(!Ended::after(Some(&waiting), there, false).ended);
    }
}
