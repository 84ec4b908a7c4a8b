//! What was done is in the log, and what cannot be logged is not done.

use super::accounts::PASSWORD;
use super::admin::{member, page, submit, with_admin};
use super::app::App;
use crate::server::store::identities::NewIdentity;
use crate::server::store::sql;
use reqwest::StatusCode;

impl App {
    /// From now on nothing can be written into a table.
    async fn close(&self, table: &str) {
        let trigger =
            format!("create trigger closed before insert on {table} begin select raise(abort, 'closed'); end");
        self.run(trigger).await;
    }

    async fn reopen(&self) {
        self.run("drop trigger closed".into()).await;
    }

    async fn run(&self, statement: String) {
        let mut write = self.state.store.write().await.unwrap();
        sql::query(statement).execute(&mut *write).await.unwrap();
        write.commit().await.unwrap();
    }

    /// What changes are about, as the store has it. Guests come and go.
    async fn people(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for table in [
            "select quote(name) || quote(password) || role || quote(disabled_at) || quote(sends_per_minute) from account
             where name is not null order by id",
            "select token_hash || quote(guest) from session join account on account.id = session.account
             where name is not null order by 1",
            "select token_hash || used from invitation order by 1",
            "select account || token_hash from password_reset order by 1",
            "select account || issuer || subject from identity order by 1",
            "select name || value from setting where name = 'sign_up'",
        ] {
            let found: Vec<String> = sql::query_scalar(table).fetch_all(self.state.store.read()).await.unwrap();
            rows.extend(found);
        }
        rows
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_admin_does_is_in_the_log_or_is_not_done() {
    let mut app = with_admin(&[]).await;
    let (ann, _) = member(&mut app, "Ann").await;
    app.made("/admin/invitations", &[("note", "The team"), ("role", "member"), ("uses", "1"), ("days", "3")]).await;
    let invitation = app.state.store.invitations().await.unwrap()[0].hash.to_string();
    let session = app.state.store.sessions(ann).await.unwrap()[0].hash.to_string();
    let id = ann.to_string();
    let account = ("account", id.as_str());
    let open = ["open_replies", "streams", "tokens_per_day", "tokens_per_month"].map(|name| (name, ""));
    let limits: Vec<_> = [account, ("sends_per_minute", "1")].into_iter().chain(open).collect();
    let another = [("note", ""), ("role", "member"), ("uses", "1"), ("days", "3")];
    let forms: [(&str, &[(&str, &str)]); 11] = [
        ("/admin/accounts/sessions/end-one", &[account, ("session", &session)]),
        ("/admin/accounts/sessions/end", &[account]),
        ("/admin/accounts/role", &[account, ("role", "agent")]),
        ("/admin/accounts/limits", &limits),
        ("/admin/accounts/reset", &[account]),
        ("/admin/accounts/disabled", &[account, ("disabled", "yes")]),
        ("/admin/invitations", &another),
        ("/admin/invitations/end", &[("invitation", &invitation)]),
        ("/admin/sign-up", &[("policy", "closed")]),
        ("/admin/accounts/delete", &[account, ("proof", "Ann"), ("sure", "yes")]),
        ("/admin/accounts/name", &[account, ("name", "Hannah")]),
    ];
    let before = app.people().await;
    app.close("audit").await;
    for (path, fields) in forms {
        let answer = submit(&app, path, fields).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert_eq!(app.people().await, before, "{path}");
    }
    app.reopen().await;
    for (path, fields) in forms.into_iter().filter(|(path, _)| !path.ends_with("delete")) {
        let entries = app.state.store.audit(None).await.unwrap().0.len();
        let answer = submit(&app, path, fields).await;
        assert!(answer.status().is_redirection(), "{path}: {}", answer.status());
        assert_eq!(app.state.store.audit(None).await.unwrap().0.len(), entries + 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_or_links_a_way_in_is_in_the_log_or_has_not() {
    let mut app = with_admin(&[]).await;
    let root = std::mem::take(&mut app.cookie);
    app.cookie = app.new_cookie().await;
    let form = [("name", "Ann"), ("password", PASSWORD)];
    app.close("audit").await;
    assert_eq!(submit(&app, "/sign-up", &form).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    app.reopen().await;
    assert_eq!(submit(&app, "/sign-up", &form).await.status(), StatusCode::SEE_OTHER, "nobody has taken the name");

    let ann = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    let identity = |issuer: &str| NewIdentity {
        issuer: format!("https://{issuer}.example.org"),
        subject: "ann".into(),
        address: Some("ann@example.org".into()),
        called: "Ann".into(),
    };
    let (first, second) = (identity("first"), identity("second"));
    let store = app.state.store.clone();
    let linked = async || store.identities(ann).await.unwrap();
    app.close("audit").await;
    store.link(ann, &first).await.unwrap_err();
    assert!(linked().await.is_empty());
    app.reopen().await;
    assert_eq!(store.link(ann, &first).await.unwrap(), ann);
    app.close("audit").await;
    store.link_by_address(&second).await.unwrap_err();
    store.unlink(ann, &linked().await[0].id).await.unwrap_err();
    assert_eq!(linked().await.len(), 1);
    app.reopen().await;
    assert_eq!(store.link_by_address(&second).await.unwrap().map(|owner| owner.account), Some(ann));
    store.unlink(ann, &linked().await[0].id).await.unwrap();
    assert_eq!(linked().await.len(), 1);
    app.cookie = root;
    let log = page(&app, "/admin/log").await;
    for words in ["signed up", "linked a way to sign in", "by its address", "unlinked a way to sign in"] {
        assert!(log.contains(words), "{words}: {log}");
    }
    assert!(!log.contains("ann@example.org"), "the log outlives the account");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_other_sessions_or_is_none() {
    let mut app = with_admin(&[]).await;
    let (_, here) = member(&mut app, "Ann").await;
    app.cookie = app.new_cookie().await;
    app.sign_in("Ann").await;
    app.cookie = here;
    let form = [("old", PASSWORD), ("new", "another quiet river")];
    let before = app.people().await;
    // Where a process dies, nothing is written any more.
    for table in ["revocation", "audit"] {
        app.close(table).await;
        assert_eq!(submit(&app, "/account/password", &form).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(app.people().await, before, "{table}");
        app.reopen().await;
    }
    assert_eq!(submit(&app, "/account/password", &form).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(app.people().await.len(), before.len() - 1, "one session of two is left");
}
