//! Which account an issuer's identity belongs to.

use super::*;
use crate::server::secret::Hash;
use crate::tests::accounts::PASSWORD;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_verified_links_to_nothing() {
    let (first, second) = (Issuer::start().await, Issuer::start().await);
    let address = |verified: bool| json!({ "email": "ann@example.org", "email_verified": verified });
    first.told(|script| script.userinfo = address(true));
    let mut app = with(&first, &[]).await;
    app.sign_in_at(&first).await;
    let ann = app.name().await;
    // Another issuer, on these accounts: as if the setting had been changed.
    for (verified, subject, same) in
        [(false, "subject-2", false), (true, "subject-3", true), (true, "subject-4", false)]
    {
        let mut told = address(verified);
        told["sub"] = json!(subject);
        second.told(|script| script.userinfo = told);
        second.claims("sub", json!(subject));
        let folder = Folder(app.folder.0.clone());
        let mut other = on(folder, &second, &[]).await;
        other.sign_in_at(&second).await;
        // The third has the address of a user whom this issuer knows already: that may be a new owner.
        let is_same = other.name().await == ann;
        assert_eq!(is_same, same, "{verified} {subject}");
        std::mem::forget(other.folder);
        if subject == "subject-3" {
            let owner = app.state.store.credentials("ann@example.org").await.unwrap().unwrap().account;
            let linked = app.state.store.identities(owner).await.unwrap();
            assert_eq!(linked.len(), 2);
            // Now the first issuer's identity is removed, so that only the second's is left.
            let unlinked = app.state.store.unlink(owner, &linked[0].id).await.unwrap();
            assert_eq!(unlinked, crate::server::store::identities::Unlinked::Done);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_account_of_the_same_name_stays_its_owners() {
    let issuer = Issuer::start().await;
    issuer.told(|script| {
        script.userinfo = json!({ "preferred_username": "Ann", "email": "ann@example.org", "email_verified": true });
    });
    let mut app = with(&issuer, &[]).await;
    app.sign_up("Ann").await;
    app.cookie = app.new_cookie().await;
    app.sign_up("ann@example.org").await;
    app.cookie = app.new_cookie().await;
    app.sign_in_at(&issuer).await;
    assert_eq!(app.name().await.as_deref(), Some("Ann 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_links_and_unlinks_but_not_the_only_way_to_sign_in() {
    let issuer = Issuer::start().await;
    let mut app = with(&issuer, &[]).await;
    app.sign_up("Ann").await;
    assert!(app.get("/account").await.text().await.unwrap().contains("Link The Office"));
    let away = app.leave("/account/identities/link", &[("password", PASSWORD)]).await;
    let answer = app.come_back(&issuer.sign_in(&away.to), &away.remembers).await;
    assert_eq!(location(&answer), "/account");
    // A new password leaves it: its page says so.
    let owner = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    let link = crate::server::accounts::invite_to_reset(&app.state, owner, "root").await.unwrap();
    let fields = [("link", link.as_str()), ("password", PASSWORD)];
    let set = app.form("/reset-password", &fields).send().await.unwrap().text().await.unwrap();
    assert!(set.contains("still ways into the account"), "{set}");
    app.cookie = app.new_cookie().await;
    app.sign_in("Ann").await;
    let ann = app.cookie.clone();
    app.cookie = app.new_cookie().await;
    app.sign_in_at(&issuer).await;
    assert_eq!(app.name().await.as_deref(), Some("Ann"), "now it is a way in");

    app.cookie = app.new_cookie().await;
    app.sign_up("Bob").await;
    let away = app.leave("/account/identities/link", &[("password", PASSWORD)]).await;
    let words = refused(app.come_back(&issuer.sign_in(&away.to), &away.remembers).await, 409).await;
    assert!(words.contains("belongs to another account"), "{words}");
    // Begun by one account, brought back by another: nothing is linked.
    issuer.claims("sub", json!("subject-2"));
    issuer.told(|script| script.userinfo = json!({ "sub": "subject-2" }));
    let away = app.leave("/account/identities/link", &[("password", PASSWORD)]).await;
    let bob = std::mem::replace(&mut app.cookie, ann);
    refused(app.come_back(&issuer.sign_in(&away.to), &away.remembers).await, 403).await;

    let owner = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    let linked = app.state.store.identities(owner).await.unwrap();
    assert_eq!(linked.len(), 1);
    let fields = [("identity", linked[0].id.as_str())];
    app.cookie = bob;
    let answer = app.form("/account/identities/unlink", &fields).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "it is Ann's");
    app.cookie = app.new_cookie().await;
    app.sign_in("Ann").await;
    let answer = app.form("/account/identities/unlink", &fields).send().await.unwrap();
    assert_eq!(location(&answer), "/account");
    assert!(app.state.store.identities(owner).await.unwrap().is_empty());

    app.cookie = app.new_cookie().await;
    app.sign_in_at(&issuer).await;
    let page = app.get("/account").await.text().await.unwrap();
    assert!(page.contains("the only way into your account") && !page.contains("Password now"), "{page}");
    let name = crate::server::principal::Name::parse(&app.name().await.unwrap()).unwrap();
    let owner = app.state.store.credentials(name.key()).await.unwrap().unwrap().account;
    let only = app.state.store.identities(owner).await.unwrap();
    let answer = app.form("/account/identities/unlink", &[("identity", &only[0].id)]).send().await.unwrap();
    assert!(refused(answer, 409).await.contains("the only way into your account"));
    assert_eq!(app.state.store.identities(owner).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_sign_up_is_the_same_by_every_way_in() {
    let issuer = Issuer::start().await;
    for (policy, words) in [("invitation", "signing up takes an invitation"), ("closed", "nobody can sign up")] {
        let mut app = with(&issuer, &[&format!("--sign-up={policy}")]).await;
        let said = refused(app.try_issuer(&issuer).await, 403).await;
        assert!(said.contains(words), "{said}");
        let invitation = crate::server::accounts::first_admin(&app.state).await.unwrap().unwrap();
        let away = app.leave("/sign-in/oidc", &[("invitation", &invitation)]).await;
        assert!(!away.remembers.contains(&invitation), "the cookie has a hash of it");
        let answer = app.come_back(&issuer.sign_in(&away.to), &away.remembers).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        app.cookie = cookie(&answer, "rivulet").unwrap();
        assert_eq!(app.get("/admin").await.status(), StatusCode::OK, "the invitation's role");
        app.cookie = app.new_cookie().await;
        app.sign_in_at(&issuer).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_stays_out() {
    let issuer = Issuer::start().await;
    issuer.told(|script| script.userinfo = json!({ "preferred_username": "ann" }));
    let mut app = with(&issuer, &[]).await;
    app.sign_in_at(&issuer).await;
    let ann = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    let note = crate::server::store::audit::Note::new("Root", "disabled", "Ann", "");
    app.state.store.set_disabled(ann, true, &note).await.unwrap();
    app.cookie = app.new_cookie().await;
    let words = refused(app.try_issuer(&issuer).await, 403).await;
    assert!(words.contains("disabled"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_alone_links_nothing() {
    let issuer = Issuer::start().await;
    let mut app = with(&issuer, &[]).await;
    app.sign_up("Ann").await;
    for password in ["", "not the password"] {
        let fields = [("password", password)];
        let answer = app.form("/account/identities/link", &fields).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        assert!(!answer.headers().contains_key("refresh"));
    }
    // A cookie that the client has made up proves nothing.
    let ann = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    let away = app.leave("/account/identities/link", &[("password", PASSWORD)]).await;
    let forged = Flow::new(Purpose::Link(ann, Hash::of(&format!("{ann}/"))), "/account").unwrap();
    let to =
        app.state.oidc.clone().unwrap().begin(&forged, &format!("{}/sign-in/oidc/callback", app.url)).await.unwrap();
    let remembers = format!("rivulet-oidc-{}={}", &forged.state()[..16], forged.cookie());
    refused(app.come_back(&issuer.sign_in(&to), &remembers).await, 403).await;
    assert!(app.state.store.identities(ann).await.unwrap().is_empty());
    let answer = app.come_back(&issuer.sign_in(&away.to), &away.remembers).await;
    assert_eq!(location(&answer), "/account");
}
