//! The open replies of this process, and those that are about to be opened: found by reply, counted by conversation and by
//! account, so that no message looks at those of others.

use super::Open;
use crate::model::{AccountId, ConversationId, MessageId};
use std::collections::HashMap;
use std::sync::Arc;

/// The place of an open reply: its account and conversation. A conversation has one at a time.
pub(super) type ReplySlot = (AccountId, ConversationId);

/// A place that is briefly both open and admitted is counted twice, except in the sum of an account.
#[derive(Default)]
pub(super) struct OpenReplies {
    replies: HashMap<MessageId, Arc<Open>>,
    conversations: HashMap<ConversationId, Here>,
    accounts: HashMap<AccountId, HashMap<ConversationId, usize>>,
    places: usize,
}

/// What is open in one conversation.
#[derive(Default)]
struct Here {
    replies: Vec<MessageId>,
    places: usize,
}

impl OpenReplies {
    pub(super) fn insert(&mut self, open: Arc<Open>) {
        let slot = (open.account, open.conversation);
        self.admit(slot);
        self.conversations.entry(open.conversation).or_default().replies.push(open.reply);
        self.replies.insert(open.reply, open);
    }

    pub(super) fn remove(&mut self, reply: &MessageId) {
        let Some(open) = self.replies.remove(reply) else { return };
        if let Some(here) = self.conversations.get_mut(&open.conversation) {
            here.replies.retain(|other| other != reply);
        }
        self.release((open.account, open.conversation));
    }

    /// Counts a reply that is about to be opened.
    pub(super) fn admit(&mut self, (account, conversation): ReplySlot) {
        self.conversations.entry(conversation).or_default().places += 1;
        *self.accounts.entry(account).or_default().entry(conversation).or_default() += 1;
        self.places += 1;
    }

    /// Undoes [`Self::admit`].
    pub(super) fn release(&mut self, (account, conversation): ReplySlot) {
        self.places -= 1;
        if let Some(here) = self.conversations.get_mut(&conversation) {
            here.places -= 1;
            if here.places == 0 {
                self.conversations.remove(&conversation);
            }
        }
        let Some(own) = self.accounts.get_mut(&account) else { return };
        if let Some(count) = own.get_mut(&conversation) {
            *count -= 1;
            if *count == 0 {
                own.remove(&conversation);
            }
        }
        if own.is_empty() {
            self.accounts.remove(&account);
        }
    }

    pub(super) fn get(&self, reply: &MessageId) -> Option<&Arc<Open>> {
        self.replies.get(reply)
    }

    /// The open reply of a conversation.
    pub(super) fn in_conversation(&self, conversation: ConversationId) -> Option<&Arc<Open>> {
        self.replies.get(self.conversations.get(&conversation)?.replies.last()?)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Arc<Open>> {
        self.replies.values()
    }

    /// How many replies are open.
    pub(super) fn len(&self) -> usize {
        self.replies.len()
    }

    /// How many are open or about to be, except in this conversation.
    pub(super) fn places_outside(&self, conversation: Option<ConversationId>) -> usize {
        let here = conversation.and_then(|conversation| self.conversations.get(&conversation));
        self.places - here.map_or(0, |here| here.places)
    }

    /// In how many conversations the account has a reply that is open or about to be, except in this one.
    pub(super) fn of(&self, account: AccountId, outside: Option<ConversationId>) -> usize {
        let Some(own) = self.accounts.get(&account) else { return 0 };
        own.len() - usize::from(outside.is_some_and(|conversation| own.contains_key(&conversation)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::journal::{Journals, Topic};
    use crate::tests::rng::Dice;
    use std::collections::HashSet;
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;

    /// Counts them by looking at every one.
    #[derive(Default)]
    struct All {
        open: Vec<Arc<Open>>,
        admitted: Vec<ReplySlot>,
    }

    impl All {
        fn places(&self) -> impl Iterator<Item = ReplySlot> {
            self.open.iter().map(|open| (open.account, open.conversation)).chain(self.admitted.iter().copied())
        }

        fn assert(&self, counted: &OpenReplies, accounts: &[AccountId], conversations: &[ConversationId]) {
            assert_eq!(counted.len(), self.open.len());
            assert_eq!(counted.values().count(), self.open.len());
            let outsides = conversations.iter().copied().map(Some).chain([None]);
            for outside in outsides {
                let others = || self.places().filter(|(_, place)| Some(*place) != outside);
                assert_eq!(counted.places_outside(outside), others().count());
                for account in accounts {
                    let own = others().filter(|(owner, _)| owner == account).collect::<HashSet<_>>();
                    assert_eq!(counted.of(*account, outside), own.len());
                }
                let here = |open: &&Arc<Open>| Some(open.conversation) == outside;
                let found = outside.and_then(|conversation| counted.in_conversation(conversation));
                assert_eq!(found.map(|open| open.reply), self.open.iter().rfind(here).map(|open| open.reply));
            }
        }
    }

    fn open(journals: &Journals, (account, conversation): ReplySlot) -> Arc<Open> {
        let (reply, stop) = (MessageId::new(), CancellationToken::new());
        Arc::new(Open {
            site: None,
            reply,
            conversation,
            owner: account,
            account,
            process: "".into(),
            journal: journals.writer(Topic::Conversation(conversation), reply, "", &stop),
            stop,
            ended: CancellationToken::new(),
            saved: 0.into(),
        })
    }

    #[test]
    fn the_counts_are_what_counting_all_of_them_says() {
        let journals = Journals::new(Duration::from_secs(1), 1 << 20);
        let accounts: Vec<_> = (0..3).map(|_| AccountId::new()).collect();
        let conversations: Vec<_> = (0..4).map(|_| ConversationId::new()).collect();
        let (mut all, mut counted, mut dice) = (All::default(), OpenReplies::default(), Dice::new(3));
        for _ in 0..2_000 {
            let mut one = |most: usize| dice.below(most as u64) as usize;
            let slot = (accounts[one(accounts.len())], conversations[one(conversations.len())]);
            match one(4) {
                0 => {
                    counted.admit(slot);
                    all.admitted.push(slot);
                }
                1 if !all.admitted.is_empty() => counted.release(all.admitted.swap_remove(one(all.admitted.len()))),
                2 => {
                    let open = open(&journals, slot);
                    counted.insert(Arc::clone(&open));
                    all.open.push(open);
                }
                3 if !all.open.is_empty() => {
                    let ended = all.open.remove(one(all.open.len())).reply;
                    counted.remove(&ended);
                    counted.remove(&ended);
                    assert!(counted.get(&ended).is_none());
                }
                _ => {}
            }
            all.assert(&counted, &accounts, &conversations);
        }
        for slot in all.admitted.drain(..) {
            counted.release(slot);
        }
        for open in all.open.drain(..) {
            counted.remove(&open.reply);
        }
        assert!(counted.conversations.is_empty() && counted.accounts.is_empty(), "nothing is left behind");
    }
}
