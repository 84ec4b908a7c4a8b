//! What a page knows, and when it asks again: the plain half of `ui/live`.

use super::wire::{at, conversation, done, empty, id, line, message, reply, said, token};
use crate::contract::{Earlier, Sent};
use crate::error::Problem;
use crate::event::{Cursor, Event, List, Snapshot};
use crate::model::{Conversation, MessageId, Standing, Status};
use crate::ui::live::fold::{Change, Fold, Gap};
use crate::ui::live::list::{News, Recent};
use crate::ui::live::pace::{End, Nudge, Pause, backoff_ms};
use crate::wire::{Line, Topic};
use proptest::collection::vec;
use proptest::prelude::*;

fn opened() -> Fold {
    let mut fold = Fold::default();
    fold.show(Some(empty()));
    fold
}

fn told(events: &[Event]) -> Fold {
    let mut fold = opened();
    for (seq, event) in (1..).zip(events) {
        fold.take(line(seq, event.clone())).unwrap();
    }
    fold
}

fn shown(fold: &Fold) -> Vec<MessageId> {
    fold.thread().unwrap().messages.iter().map(|message| message.id).collect()
}

fn draft(fold: &Fold) -> &str {
    fold.draft().map_or("", |draft| &draft.text)
}

fn list_line(seq: u64, event: Event) -> Line {
    Line { topic: Topic::List, ..line(seq, event) }
}

fn list(items: Vec<Conversation>, next: Option<&str>) -> List {
    List { items, next: next.map(Into::into), cursor: at(1), preferences: None }
}

#[test]
fn a_token_changes_the_draft_alone_and_the_end_changes_both_at_once() {
    let mut fold = told(&[message(2, None), reply(3, 2)]);
    let change = fold.take(line(3, token(3, "a"))).unwrap();
    assert_eq!(change, Change { thread: false, draft: true, list: false });
    assert_eq!(draft(&fold), "a");
    let change = fold.take(line(4, done(3))).unwrap();
    assert_eq!(change, Change { thread: true, draft: true, list: false });
    assert_eq!(fold.draft(), None);
    assert_eq!(fold.thread().unwrap().messages[1].text, "a");
}

#[test]
fn what_comes_twice_is_applied_once_and_a_jump_is_told() {
    let mut fold = told(&[message(2, None), reply(3, 2), token(3, "a")]);
    assert_eq!(fold.take(line(3, token(3, "a"))), Ok(Change::default()));
    assert_eq!(fold.take(line(5, token(3, "c"))), Err(Gap));
    assert_eq!(draft(&fold), "a");
    assert_eq!(fold.place().cursor, Some(at(3)));
}

#[test]
fn a_page_older_than_what_arrived_since_takes_nothing_back() {
    let mut fold = told(&[message(2, None), reply(3, 2), token(3, "long text")]);
    assert_eq!(fold.show(Some(Snapshot { cursor: at(2), ..empty() })), Change::default());
    assert_eq!(draft(&fold), "long text");
    assert!(fold.show(Some(Snapshot { cursor: at(9), ..empty() })).thread);
    assert_eq!(fold.place().cursor, Some(at(9)));
}

#[test]
fn a_snapshot_in_the_middle_keeps_the_earlier_messages_that_were_loaded() {
    let mut fold = Fold::default();
    let window = |from: u128, cursor| Snapshot {
        messages: (from..from + 2).map(|number| said(number, Some(number - 1), "x")).collect(),
        earlier: true,
        cursor: at(cursor),
        ..empty()
    };
    fold.show(Some(window(10, 1)));
    let highlighted = Default::default();
    let earlier = Earlier { messages: vec![said(8, None, "x"), said(9, Some(8), "x")], earlier: false, highlighted };
    assert!(fold.put_before(earlier.clone()).thread);
    assert_eq!(fold.put_before(earlier), Change::default(), "a second answer to the same question");
    assert_eq!(shown(&fold), [8, 9, 10, 11].map(id));
    fold.take(line(5, Event::Snapshot(Box::new(window(11, 5))))).unwrap();
    assert_eq!(shown(&fold), [8, 9, 10, 11, 12].map(id));
    assert!(!fold.thread().unwrap().earlier);
    fold.take(line(6, Event::Snapshot(Box::new(window(20, 6))))).unwrap();
    assert_eq!(shown(&fold), [20, 21].map(id), "what does not join is let go");
}

#[test]
fn a_message_is_shown_at_once_and_stays_where_it_is_when_the_journal_tells_it() {
    let mut fold = told(&[message(2, None), reply(3, 2), token(3, "a")]);
    assert!(fold.say(said(4, None, "Next")).thread);
    assert_eq!(fold.say(said(4, None, "Next")), Change::default());
    assert_eq!(shown(&fold), [2, 3, 4].map(id));
    assert_eq!(fold.thread().unwrap().messages[2].parent, Some(id(3)));
    for (seq, event) in (4..).zip([Event::Stopped { reply: id(3), usage: None }, message(4, Some(3)), reply(5, 4)]) {
        fold.take(line(seq, event)).unwrap();
        assert_eq!(shown(&fold)[..3], [2, 3, 4].map(id));
    }
    assert_eq!(shown(&fold), [2, 3, 4, 5].map(id));
}

#[test]
fn another_device_in_between_does_not_hide_what_is_being_sent() {
    let mut fold = told(&[message(2, None), reply(3, 2), done(3)]);
    fold.say(said(9, None, "Mine"));
    fold.take(line(4, message(4, Some(3)))).unwrap();
    fold.take(line(5, reply(5, 4))).unwrap();
    assert_eq!(shown(&fold), [2, 3, 4, 5, 9].map(id));
}

#[test]
fn what_could_not_be_sent_is_taken_back_unless_the_server_has_it() {
    let mut fold = told(&[message(2, None)]);
    fold.say(said(4, None, "Lost"));
    fold.unsay(id(4));
    assert_eq!(shown(&fold), [id(2)]);
    fold.say(said(5, None, "Arrived"));
    fold.take(line(2, message(5, Some(2)))).unwrap();
    fold.unsay(id(5));
    assert_eq!(shown(&fold), [2, 5].map(id));
}

#[test]
fn an_accepted_message_that_the_journal_no_longer_shows_goes() {
    let mut fold = told(&[message(2, None)]);
    fold.say(said(4, None, "Elsewhere"));
    let sent = Sent { message: said(4, Some(2), "Elsewhere"), reply: said(5, Some(4), ""), cursor: at(3) };
    fold.accept(&sent);
    assert_eq!(shown(&fold), [2, 4].map(id));
    let elsewhere = Snapshot { messages: vec![said(2, None, "Hello")], cursor: at(3), ..empty() };
    fold.take(line(3, Event::Snapshot(Box::new(elsewhere)))).unwrap();
    assert_eq!(shown(&fold), [id(2)]);
}

#[test]
fn a_conversation_begun_here_is_followed_once_the_server_has_it() {
    let mut fold = Fold::default();
    fold.begin(conversation(1, "2026"), said(2, None, "First"));
    assert_eq!(shown(&fold), [id(2)]);
    assert_eq!(fold.place().conversation, None);
    fold.accept(&Sent { message: said(2, None, "First"), reply: said(3, Some(2), ""), cursor: at(2) });
    assert_eq!(fold.place().conversation, Some(conversation(1, "2026").id));
    assert_eq!(shown(&fold), [id(2)]);
    let mut failed = Fold::default();
    failed.begin(conversation(1, "2026"), said(2, None, "First"));
    failed.unsay(id(2));
    assert_eq!(failed.thread(), None);
}

#[test]
fn a_message_of_a_branch_that_is_not_here_asks_for_a_snapshot() {
    let mut fold = told(&[message(2, None), reply(3, 2), done(3)]);
    assert_eq!(fold.take(line(4, message(8, Some(7)))), Err(Gap));
    assert_eq!(fold.place().cursor, None);
    assert_eq!(shown(&fold), [2, 3].map(id), "what is shown stays meanwhile");
}

#[test]
fn what_is_gone_is_followed_no_more() {
    let gone = Event::Deleted { conversation: empty().conversation.id };
    let mut by_list = opened();
    by_list.listed(list(vec![conversation(1, "2026")], None));
    let change = by_list.take(list_line(2, gone.clone())).unwrap();
    assert!(change.thread && change.list);
    let mut by_journal = opened();
    by_journal.take(line(1, gone)).unwrap();
    let mut by_answer = opened();
    by_answer.is_gone();
    for fold in [by_list, by_journal, by_answer] {
        assert!(fold.thread().unwrap().deleted);
        assert_eq!(fold.place().conversation, None);
    }
}

#[test]
fn closing_a_conversation_keeps_the_list() {
    let mut fold = told(&[message(2, None)]);
    fold.listed(list(vec![conversation(1, "2026")], None));
    assert!(fold.show(None).thread);
    assert_eq!(fold.show(None), Change::default());
    assert_eq!((fold.thread(), fold.list().items.len(), fold.place().list), (None, 1, Some(at(1))));
}

#[test]
fn each_reply_that_ends_with_code_is_to_be_highlighted_once() {
    let code = "```rust\nfn main() {}\n```\n";
    let mut fold = told(&[message(2, None), reply(3, 2), token(3, code)]);
    assert!(fold.unhighlighted().is_empty(), "it is still open");
    fold.take(line(4, Event::Stopped { reply: id(3), usage: None })).unwrap();
    assert_eq!(fold.unhighlighted(), [id(3)]);
    assert!(fold.unhighlighted().is_empty());
    let thread = fold.thread().unwrap();
    let mut reloaded = Fold::default();
    reloaded.show(Some(Snapshot { messages: thread.messages, ..empty() }));
    assert!(reloaded.unhighlighted().is_empty(), "a page brings its own");
}

fn titles(recent: &Recent) -> Vec<&str> {
    recent.items.iter().map(|item| item.title.as_str()).collect()
}

#[test]
fn a_conversation_moves_up_when_it_changes() {
    let mut recent = Recent::default();
    recent
        .restart(list(vec![conversation(3, "2026-03"), conversation(2, "2026-02"), conversation(1, "2026-01")], None));
    recent.apply(&Event::Conversation { conversation: Box::new(conversation(1, "2026-04")) });
    assert_eq!(titles(&recent), ["Conversation 1", "Conversation 3", "Conversation 2"]);
    recent.apply(&Event::Conversation { conversation: Box::new(conversation(9, "2026-03")) });
    assert_eq!(titles(&recent), ["Conversation 1", "Conversation 9", "Conversation 3", "Conversation 2"]);
    recent.apply(&Event::Deleted { conversation: conversation(3, "").id });
    assert_eq!(titles(&recent), ["Conversation 1", "Conversation 9", "Conversation 2"]);
}

#[test]
fn starting_over_keeps_the_pages_that_were_loaded_after_the_first() {
    let mut recent = Recent::default();
    recent.restart(list(vec![conversation(5, "5"), conversation(4, "4")], Some("4")));
    recent.extend(list(vec![conversation(3, "3"), conversation(4, "4"), conversation(2, "2")], Some("2")));
    assert_eq!(recent.next.as_deref(), Some("2"));
    recent.restart(list(vec![conversation(6, "6"), conversation(4, "4")], Some("4")));
    assert_eq!(titles(&recent), ["Conversation 6", "Conversation 4", "Conversation 3", "Conversation 2"]);
    assert_eq!(recent.next.as_deref(), Some("2"));
    recent.restart(list(vec![conversation(6, "6")], None));
    assert_eq!(titles(&recent), ["Conversation 6"]);
    assert_eq!(recent.next, None);
}

fn standing(mut conversation: Conversation, standing: Standing) -> Conversation {
    conversation.standing = standing;
    conversation
}

#[test]
fn what_an_event_does_not_say_of_a_row_stays_as_it_was() {
    let (running, unread) = (Some(true), Some(true));
    let mut recent = Recent::default();
    let pinned = standing(conversation(1, "1"), Standing { pinned: Some(true), ..Standing::default() });
    recent.restart(list(vec![conversation(2, "2"), pinned], None));
    let tell = |recent: &mut Recent, conversation: Conversation| {
        recent.apply(&Event::Conversation { conversation: Box::new(conversation) });
    };
    tell(&mut recent, standing(conversation(1, "3"), Standing { running, ..Standing::default() }));
    assert_eq!(recent.news(), [(conversation(1, "").id, News::Running)]);
    tell(&mut recent, standing(conversation(1, "3"), Standing { running: Some(false), unread, ..Standing::default() }));
    tell(&mut recent, conversation(1, "3"));
    assert_eq!(recent.news(), [(conversation(1, "").id, News::Unread)]);
    assert_eq!(recent.items[0].standing.pinned, Some(true));
    tell(&mut recent, standing(conversation(1, "3"), Standing { archived: Some(true), ..Standing::default() }));
    assert_eq!(titles(&recent), ["Conversation 2"]);
    tell(&mut recent, standing(conversation(1, "3"), Standing { archived: Some(false), ..Standing::default() }));
    assert_eq!(titles(&recent), ["Conversation 1", "Conversation 2"]);
}

#[test]
fn a_pinned_conversation_of_a_later_page_ends_no_page() {
    let pinned = || standing(conversation(1, "1"), Standing { pinned: Some(true), ..Standing::default() });
    let mut recent = Recent::default();
    recent.restart(list(vec![conversation(5, "5"), pinned()], Some("5")));
    recent.extend(list(vec![conversation(3, "3"), conversation(1, "1")], Some("1")));
    assert_eq!(titles(&recent), ["Conversation 5", "Conversation 3", "Conversation 1"]);
    assert_eq!(recent.items[2].standing.pinned, Some(true), "a page adds what is missing, and changes nothing");
    recent.restart(list(vec![conversation(5, "5"), pinned()], Some("5")));
    assert_eq!(titles(&recent), ["Conversation 5", "Conversation 3", "Conversation 1"], "what was loaded stays");
    recent.restart(list(vec![conversation(5, "5")], Some("5")));
    assert_eq!(recent.items[2].standing.pinned, None, "it is pinned no longer");
}

#[test]
fn the_pause_grows_from_half_a_second_to_thirty() {
    let ceilings: Vec<_> = (0..8).map(|failures| backoff_ms(failures, 1.0)).collect();
    assert_eq!(ceilings, [500.0, 1e3, 2e3, 4e3, 8e3, 16e3, 30e3, 30e3]);
    assert_eq!(backoff_ms(u32::MAX, 1.0), 30e3);
    assert_eq!(backoff_ms(5, 0.0), 0.0, "full jitter");
}

#[test]
fn the_server_says_how_long_to_wait_and_the_rest_is_jitter() {
    let busy = Problem::Unavailable { message: "Restarting.".into(), retry_after_seconds: 7 };
    assert_eq!(End::Refused(busy).pause(0, 0.5), Pause::Firm(7_250.0));
    let forever = Problem::TooMany { message: "No.".into(), retry_after_seconds: u64::MAX };
    assert_eq!(End::Refused(forever).pause(0, 0.0), Pause::Firm(300_000.0));
    assert_eq!(End::Refused(Problem::Unknown).pause(0, 0.5), Pause::UntilNudged);
    assert_eq!(End::Refused(Problem::Internal).pause(1, 0.5), Pause::Soft(500.0));
    assert_eq!(End::Lost.pause(3, 0.5), Pause::Soft(2_000.0));
    assert_eq!(End::Again.pause(9, 0.5), Pause::None);
    assert_eq!(End::Polled.pause(9, 0.5), Pause::Soft(2_000.0));
}

#[test]
fn a_stream_is_renewed_when_it_may_be_dead() {
    assert!(!Nudge::Visible.renews(60e3, 9e3), "it was heard of lately");
    assert!(Nudge::Visible.renews(60e3, 12e3));
    assert!(Nudge::Online.renews(60e3, 0.0), "its network is gone");
    assert!(Nudge::Offline.renews(200.0, 0.0), "so that the loss is known at once");
    assert!(Nudge::Woken.renews(60e3, 0.0));
    assert!(!Nudge::Online.renews(200.0, 200.0), "it was made just now");
    assert!(!Nudge::Hidden.renews(60e3, 60e3));
    let hurrying = [Nudge::Turned, Nudge::Sent, Nudge::Visible, Nudge::Online, Nudge::Woken];
    assert!(hurrying.into_iter().all(Nudge::hurries));
    assert!(!Nudge::Hidden.hurries() && !Nudge::Offline.hurries());
}

/// One reply's journal, and a network that repeats, drops and cuts: the page follows again at each gap.
fn reply_of(pieces: &[String]) -> Vec<Event> {
    let begin = [message(2, None), reply(3, 2)];
    begin.into_iter().chain(pieces.iter().map(|piece| token(3, piece))).chain([done(3)]).collect()
}

proptest! {
    #[test]
    fn whatever_is_lost_or_repeated_on_the_way_the_page_shows_the_reply_once(
        pieces in vec("\\PC{1,3}", 1..20),
        deliveries in vec((any::<prop::sample::Index>(), 1..6_usize), 0..30),
    ) {
        let events = reply_of(&pieces);
        let mut fold = opened();
        let mut shortest = 0;
        for (from, count) in deliveries {
            let from = from.index(events.len());
            for (at, event) in events.iter().enumerate().skip(from).take(count) {
                if fold.take(line(at as u64 + 1, event.clone())).is_err() {
                    break;
                }
                let thread = fold.thread().unwrap();
                let ended = thread.messages.iter().find(|message| message.id == id(3));
                let length = draft(&fold).len().max(ended.map_or(0, |message| message.text.len()));
                prop_assert!(shortest <= length, "the text got shorter");
                shortest = length;
            }
        }
        // Following again from the last good cursor ends the story.
        let seen = fold.place().cursor.map_or(0, |cursor| cursor.seq);
        for (at, event) in events.iter().enumerate().skip(seen as usize) {
            fold.take(line(at as u64 + 1, event.clone())).unwrap();
        }
        let last = fold.thread().unwrap().messages.pop().unwrap();
        prop_assert_eq!((last.text, last.status), (pieces.concat(), Status::Done));
    }

    #[test]
    fn the_pause_is_never_above_its_ceiling(failures in any::<u32>(), random in 0.0..1.0) {
        prop_assert!((0.0..=30e3).contains(&backoff_ms(failures, random)));
    }

    #[test]
    fn the_list_stays_sorted_without_duplicates(changes in vec((0..8_u128, 0..20_u8, any::<bool>()), 0..40)) {
        let mut recent = Recent::default();
        for (number, time, keep) in changes {
            let conversation = conversation(number, &format!("{time:02}"));
            recent.apply(&match keep {
                true => Event::Conversation { conversation: Box::new(conversation) },
                false => Event::Deleted { conversation: conversation.id },
            });
        }
        let keys: Vec<_> = recent.items.iter().map(|item| (item.updated_at.clone(), item.id)).collect();
        prop_assert!(keys.windows(2).all(|pair| pair[1] < pair[0]));
        let ids: std::collections::BTreeSet<_> = recent.items.iter().map(|item| item.id).collect();
        prop_assert_eq!(ids.len(), recent.items.len());
    }

    #[test]
    fn a_foreign_journal_is_never_folded_in(epoch in any::<u64>(), seq in any::<u64>()) {
        let mut fold = told(&[message(2, None), reply(3, 2)]);
        prop_assume!(epoch != at(0).epoch);
        let id = Cursor { epoch, seq };
        prop_assert_eq!(fold.take(Line { id, ..line(0, token(3, "foreign")) }), Err(Gap));
        prop_assert_eq!(draft(&fold), "");
    }
}
