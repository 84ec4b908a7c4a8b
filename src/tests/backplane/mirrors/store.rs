//! What a database would say to all of them.

use crate::event::Event;
use crate::model::{MessageId, Status};
use crate::server::backplane::Down;
use crate::server::journal::{Journals, Row, Rows, Topic};
use crate::server::sync::lock;
use crate::tests::backplane::log_refusals::token;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

/// What is stored of a reply.
#[derive(Clone, Debug)]
pub(in crate::tests::backplane) struct Stored {
    pub(in crate::tests::backplane) owner: usize,
    pub(in crate::tests::backplane) text: String,
    pub(in crate::tests::backplane) status: Status,
}

/// What a database would say to all of them.
#[derive(Default)]
pub(in crate::tests::backplane) struct Store {
    pub(in crate::tests::backplane) replies: Mutex<HashMap<MessageId, Stored>>,
    pub(in crate::tests::backplane) dead: Mutex<Vec<MessageId>>,
}

/// One process' view of the store.
pub(in crate::tests::backplane) struct View {
    pub(in crate::tests::backplane) store: Arc<Store>,
    pub(in crate::tests::backplane) node: usize,
    pub(in crate::tests::backplane) journals: Weak<Journals>,
}

impl View {
    pub(in crate::tests::backplane) async fn mend(&self, topic: Topic, reply: MessageId) -> Result<(), Down> {
        let Some(journals) = self.journals.upgrade() else { return Ok(()) };
        let row = lock(&self.store.replies).get(&reply).cloned();
        let is_dead = lock(&self.store.dead).contains(&reply);
        if row.as_ref().is_some_and(|row| row.status.is_open() && !is_dead) {
            return Ok(());
        }
        let taken = journals.take_over(topic, reply, &self.node.to_string()).await?;
        let was_ended = {
            let mut replies = lock(&self.store.replies);
            let row = replies.get_mut(&reply).expect("it is stored");
            let was_open = row.status.is_open();
            if was_open {
                row.status = Status::Interrupted;
                if let Some(taken) = &taken
                    && row.text.len() < taken.draft().text.len()
                {
                    row.text.clone_from(&taken.draft().text);
                }
            }
            was_open
        };
        let row = lock(&self.store.replies)[&reply].clone();
        match taken {
            Some(taken) => {
                let end = end(reply, row.status);
                let rest = row.text.strip_prefix(&*taken.draft().text).map(str::to_owned);
                let is_whole = rest.is_some();
                taken.end(rest.into_iter().map(|text| token(reply, &text)).collect(), end).await?;
                if !is_whole {
                    journals.start_over(topic).await;
                }
            }
            None if was_ended => journals.start_over(topic).await,
            None => {}
        }
        Ok(())
    }
}

impl Rows for View {
    fn row(&self, reply: MessageId) -> BoxFuture<'_, Row> {
        let row = lock(&self.store.replies).get(&reply).cloned();
        let is_ours = row.is_some_and(|row| row.owner == self.node && row.status.is_open());
        let is_dead = lock(&self.store.dead).contains(&reply);
        std::future::ready(if is_ours && !is_dead { Row::Ours } else { Row::NotOurs }).boxed()
    }

    fn heal(&self, topic: Topic, reply: MessageId) -> BoxFuture<'_, ()> {
        async move {
            let _again_later = self.mend(topic, reply).await;
        }
        .boxed()
    }

    fn silent(&self, replies: Vec<(Topic, MessageId)>) -> BoxFuture<'_, ()> {
        async move {
            for (topic, reply) in replies {
                self.heal(topic, reply).await;
            }
        }
        .boxed()
    }
}

pub(in crate::tests::backplane) fn end(reply: MessageId, status: Status) -> Event {
    match status {
        Status::Interrupted => Event::Interrupted { reply },
        _ => Event::Stopped { reply, usage: None },
    }
}
