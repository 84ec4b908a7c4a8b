//! What has to be known before a message is answered, in one hand-over and of one state of the database.

use super::Store;
use super::columns::called;
use super::conversations::{self, Stored};
use super::history::{self, History, Reach};
use super::messages;
use super::quota;
use super::sql::batch::{Batch, Found};
use super::sql::{Row, query};
use crate::model::{AccountId, ConversationId, MessageId, Named};
use crate::server::quota::{Quota, Used};

/// The usual case: the conversation is there for the account, the message is new, and no reply is open.
pub struct BeforeSend {
    pub stored: Stored,
    pub quota: Quota,
    pub used: Used,
    /// The account as others see it.
    pub author: Named,
    /// What the account tells models in all its conversations.
    pub own: String,
    /// The way to the last message that is shown.
    pub history: History,
}

impl Store {
    /// Reads all that a message needs: of the history, what [`Store::history`] says of `most_told` and `reach`. `None` where it is not the usual case: then each has to be looked at by itself.
    pub async fn before_send(
        &self,
        account: AccountId,
        conversation: ConversationId,
        message: MessageId,
        most_told: i64,
        reach: Reach,
    ) -> sqlx::Result<Option<BeforeSend>> {
        let place = conversation.to_string();
        let batch = Batch::read()
            .then(query(conversations::SEEN).bind(&place).bind(account.to_string()))
            .then(quota::allowance(account))
            .then(query("select 1 from message where id = $1").bind(message.to_string()))
            .then(query(messages::LEAF).bind(&place))
            .then(history::shown(conversation, account, most_told, reach));
        let found = batch.run(self.read()).await?;
        let [stored, allowance, known, leaf, shown] = found.as_slice() else {
            return Err(sqlx::Error::Protocol("a batch of five steps has five answers".into()));
        };
        let (Some(stored), Some(allowance)) = (first(stored), first(allowance)) else { return Ok(None) };
        let leaf = first(leaf).map(messages::leaf).transpose()?;
        if first(known).is_some() || leaf.is_some_and(|leaf| leaf.process.is_some()) {
            return Ok(None);
        }
        let (quota, used) = quota::allowed(allowance)?;
        Ok(Some(BeforeSend {
            stored: conversations::stored(stored)?,
            quota,
            used,
            own: allowance.try_get::<Option<String>>("own_instructions")?.unwrap_or_default(),
            author: called(account, allowance.try_get("name")?),
            history: history::history(shown, reach)?,
        }))
    }
}

fn first(found: &Found) -> Option<&Row> {
    found.rows.first()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::app::App;
    use crate::tests::upstream::script::Script;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_conversation_is_walked_only_for_an_account_that_may_write_in_it() {
        let app = App::start().await;
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &Script::default()).await;
        app.rest_of(&conversation, &sent).await;
        let (id, store) = (conversation.parse().unwrap(), &app.state.store);
        let owner = store.owner(id).await.unwrap();
        let walked = async |account| {
            let walk = Batch::read().then(history::shown(id, account, 9, Reach::ALL));
            walk.run(store.read()).await.unwrap()[0].rows.len()
        };
        assert_eq!((walked(owner).await, walked(AccountId::new()).await), (2, 0));
        store.mark_leaving(owner, id).await.unwrap();
        assert_eq!(walked(owner).await, 0, "it is deleted");
    }
}
