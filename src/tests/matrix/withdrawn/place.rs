//! An app with one of everything, credentials for it, and how they are withdrawn.

use crate::model::{AccountId, ConversationId};
use crate::server::principal::{Role, Scope};
use crate::server::secret::Hash;
use crate::server::store::audit::Note;
use crate::server::store::sql;
use crate::tests::admin::{member, with_admin};
use crate::tests::matrix::*;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::tests::matrix) enum Way {
    Session,
    Token,
    Account,
    Role,
    Share,
}

/// An admin with one of everything, and a user with whom the conversation is shared.
pub(in crate::tests::matrix) struct Place {
    pub(in crate::tests::matrix) app: App,
    pub(in crate::tests::matrix) ids: Ids,
    admin: AccountId,
    bob: AccountId,
}

impl Place {
    pub(in crate::tests::matrix) async fn new() -> Self {
        let mut app = with_admin(&[]).await;
        let store = app.state.store.clone();
        let admin = store.credentials("root").await.unwrap().unwrap().account;
        let (bob, _) = member(&mut app, "Bob").await;
        let (other, _) = member(&mut app, "Carol").await;
        store.set_role(other, Role::Admin, &Note::new("x", "x", "x", "")).await.unwrap().unwrap();
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &Script::default()).await;
        app.rest_of(&conversation, &sent).await;
        app.share(&conversation, "bob", "participant").await;
        let link = app.share_link(&conversation, json!({ "role": "reader", "uses": 9 })).await;
        let image = app.image(crate::tests::images::files::png(8, 8)).await;
        let new = NewIdentity { issuer: "x".into(), subject: "x".into(), address: None, called: "Root".into() };
        store.link(admin, &new).await.unwrap();
        let identity = store.identities(admin).await.unwrap().remove(0).id;
        let (session, token) = (store.sessions(admin).await.unwrap()[0].hash, Hash::of("another program"));
        store.add_token(app.state.writer(admin), token, "another", Scope::Read, 50).await.unwrap();
        let ids = vec![
            ("{cursor}", sent.cursor),
            ("{c}", conversation),
            ("{r}", sent.reply),
            ("{m}", sent.message),
            ("{q}", uuid::Uuid::now_v7().to_string()),
            ("{a}", bob.to_string()),
            ("{s}", session.to_string()),
            ("{t}", token.to_string()),
            ("{i}", Hash::of(&link).to_string()),
            ("{p}", image),
            ("{o}", identity),
            ("{x}", uuid::Uuid::now_v7().to_string()),
        ];
        Self { app, ids: Ids(ids), admin, bob }
    }

    /// The header line with the credential that this way withdraws.
    pub(in crate::tests::matrix) async fn let_in(&self, way: Way) -> (String, Hash) {
        let secret = crate::server::secret::new().unwrap();
        let (hash, store) = (Hash::of(&secret), &self.app.state.store);
        let account = if way == Way::Share { self.bob } else { self.admin };
        if way == Way::Token {
            store.add_token(self.app.state.writer(account), hash, "a program", Scope::Write, 1_000).await.unwrap();
            return (format!("authorization: Bearer {secret}"), hash);
        }
        store.add_session(account, hash, "a browser", None, None, None).await.unwrap();
        (format!("cookie: rivulet={secret}"), hash)
    }

    async fn execute(&self, write: &mut crate::server::store::sql::Connection, sql: &'static str, subject: &str) {
        sql::query(sql).bind(subject).execute(write).await.unwrap();
    }

    pub(super) async fn withdraw(&self, write: &mut crate::server::store::sql::Connection, way: Way, hash: Hash) {
        let (sql, subject) = match way {
            Way::Session => ("delete from session where token_hash = $1", hash.to_string()),
            Way::Token => ("delete from api_token where token_hash = $1", hash.to_string()),
            Way::Account => ("update account set disabled_at = created_at where id = $1", self.admin.to_string()),
            Way::Role => ("update account set role = 'member' where id = $1", self.admin.to_string()),
            Way::Share => ("delete from share where account = $1", self.bob.to_string()),
        };
        self.execute(write, sql, &subject).await;
    }

    pub(super) async fn restore(&self, hash: Hash) {
        let mut write = self.app.state.store.write().await.unwrap();
        let hash = hash.to_string();
        self.execute(&mut write, "delete from session where token_hash = $1", &hash).await;
        self.execute(&mut write, "delete from api_token where token_hash = $1", &hash).await;
        let admin = self.admin.to_string();
        self.execute(&mut write, "update account set role = 'admin', disabled_at = null where id = $1", &admin).await;
        write.commit().await.unwrap();
        let conversation: ConversationId = self.ids.id_of("conversations").parse().unwrap();
        let participant = crate::model::Access::Participant;
        self.app
            .state
            .store
            .share(self.app.state.writer(self.admin), conversation, self.bob, participant, 10)
            .await
            .unwrap();
    }

    /// All that a route could have changed.
    pub(super) async fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for sql in [
            "select id || title || system || coalesce(leaf, '') || coalesce(leaving_at, '') as it from conversation order by 1",
            "select id || text || status as it from message order by 1",
            "select token_hash as it from public_link",
            "select token_hash || used as it from share_link order by 1",
            "select token_hash as it from api_token order by 1",
            "select token_hash as it from session order by 1",
            "select token_hash as it from invitation order by 1",
            "select token_hash as it from password_reset",
            "select account || role as it from share order by 1",
            "select id as it from image order by 1",
            "select id as it from identity",
            "select id || coalesce(name, '') || coalesce(password, '') || role || coalesce(disabled_at, '')
                 || coalesce(leaving_at, '') || coalesce(cast(streams as text), '') as it from account order by 1",
            "select name || value as it from setting order by 1",
        ] {
            let found: Vec<String> = sql::query_scalar(sql).fetch_all(self.app.state.store.read()).await.unwrap();
            rows.push(format!("{sql}: {found:?}"));
        }
        rows
    }
}
