//! The model's thinking, folded away, and its duration, which counts up while the model thinks, even if the model sends
//! no text of it.

use crate::browser::{self, Interval};
use crate::event::Draft;
use crate::markdown;
use crate::model::{Message, MessageId};
use crate::ui::cut::{Cut, is_cut};
use crate::ui::page::PageState;
use leptos::html;
use leptos::prelude::*;

/// How often the running time is updated: it is shown in seconds.
const TICK_MS: u32 = 1_000;

#[component]
pub fn Thinking(id: MessageId, message: Memo<Option<Message>>) -> impl IntoView {
    let page = PageState::here();
    let draft = Memo::new(move |_| {
        let of_draft = page.live.draft.with(|draft| draft.as_ref().filter(|it| it.reply == id).map(bare));
        of_draft.or_else(|| message.with(|message| message.as_ref().map(Draft::stored)))
    });
    let shown = |draft: &Draft| markdown::shown(&draft.thinking).to_owned();
    let text = Memo::new(move |_| draft.with(|it| it.as_ref().map(shown).unwrap_or_default()));
    let is_long = Memo::new(move |_| draft.with(|it| it.as_ref().is_some_and(|it| is_cut(&it.thinking))));
    let time = Memo::new(move |_| draft.with(|it| it.as_ref().map(Time::of).unwrap_or_default()));
    let running = running(page, time);
    let label = Memo::new(move |_| time.with(|time| time.label(running.get())));
    let words = NodeRef::<html::Div>::new();
    // The reader's selection in it survives while it grows.
    Effect::new(move || {
        if let Some(words) = words.get() {
            text.with(|text| browser::patch_text(&words, text));
        }
    });
    let is_silent = Memo::new(move |_| text.with(String::is_empty));
    let is_absent = Memo::new(move |_| is_silent.get() && time.with(|time| *time == Time::default()));
    view! {
        <details class="thinking" hidden=move || is_silent.get()>
            <summary>{label}</summary>
            <div class="thinking__text" dir="auto" node_ref=words>{text.get_untracked()}</div>
            <Cut id part="thinking" is_cut=is_long/>
        </details>
        <p class="thinking thinking--silent" hidden=move || !is_silent.get() || is_absent.get()>{label}</p>
    }
}

/// Without the reply's text, which grows while none of this changes.
fn bare(draft: &Draft) -> Draft {
    Draft {
        thinking: draft.thinking.clone(),
        thinking_ms: draft.thinking_ms,
        thinking_since: draft.thinking_since.clone(),
        ..Draft::new(draft.reply)
    }
}

/// Milliseconds since the current stretch of thinking began. None before hydration: server and browser have to render
/// the same at first, and their clocks differ.
fn running(page: PageState, time: Memo<Time>) -> RwSignal<Option<u64>> {
    let running = RwSignal::new(None);
    let since = Memo::new(move |_| time.with(|time| time.since.clone()));
    // The effect owns the interval, which ends with the thinking or with the page.
    Effect::new(move |_: Option<Option<Interval>>| {
        let began = browser::parse_time_ms(&since.get()?);
        let tick = move || running.set(Some((page.server_now_ms() - began).max(0.0) as u64));
        tick();
        Some(Interval::new(TICK_MS, tick))
    });
    running
}

/// How long a reply's model has thought.
#[derive(Clone, Debug, Default, PartialEq)]
struct Time {
    since: Option<String>,
    ms: Option<u64>,
}

impl Time {
    fn of(draft: &Draft) -> Self {
        Self { since: draft.thinking_since.clone(), ms: draft.thinking_ms }
    }

    fn label(&self, running_ms: Option<u64>) -> String {
        match (&self.since, self.ms, running_ms) {
            (Some(_), before, Some(running)) => spoken("Thinking", running + before.unwrap_or(0)),
            (Some(_), _, None) => "Thinking…".into(),
            (None, Some(ms), _) => spoken("Thought", ms),
            (None, None, _) => "Thought".into(),
        }
    }
}

/// In whole seconds, which is exact enough for a reader.
fn spoken(verb: &str, ms: u64) -> String {
    let seconds = ms / 1_000;
    match (seconds / 60, seconds % 60) {
        (0, 0) if verb == "Thinking" => "Thinking…".into(),
        (0, 0) => format!("{verb} for a moment"),
        (0, seconds) => format!("{verb} for {seconds} s"),
        (minutes, 0) => format!("{verb} for {minutes} min"),
        (minutes, seconds) => format!("{verb} for {minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(since: bool, ms: Option<u64>) -> Time {
        Time { since: since.then(|| "2026-01-01T00:00:00.000Z".into()), ms }
    }

    #[test]
    fn thinking_tells_its_time_while_it_runs_and_after() {
        assert_eq!(time(true, None).label(None), "Thinking…");
        assert_eq!(time(true, None).label(Some(900)), "Thinking…");
        assert_eq!(time(true, None).label(Some(12_999)), "Thinking for 12 s");
        assert_eq!(time(false, Some(12_000)).label(Some(12_999)), "Thought for 12 s");
        assert_eq!(time(false, Some(400)).label(None), "Thought for a moment");
        assert_eq!(time(false, Some(60_000)).label(None), "Thought for 1 min");
        assert_eq!(time(false, Some(125_000)).label(None), "Thought for 2 min 5 s");
    }

    #[test]
    fn a_second_stretch_goes_on_counting_and_an_unknown_time_is_not_invented() {
        assert_eq!(time(true, Some(5_000)).label(Some(3_000)), "Thinking for 8 s");
        assert_eq!(time(false, None).label(None), "Thought");
    }
}
