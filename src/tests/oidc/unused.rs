//! Unused claims with unexpected types must not prevent a sign-in.

use super::*;
use crate::server::store::sql;
use serde_json::{Map, Value};

const CASES: [&str; 4] = [
    include_str!("../cases/oidc-updated-at-rfc3339.json"),
    include_str!("../cases/oidc-address-list.json"),
    include_str!("../cases/oidc-expires-in-text.json"),
    include_str!("../cases/oidc-userinfo-updated-at-rfc3339.json"),
];

fn odd(text: &str) -> (String, Map<String, Value>) {
    let case: Value = serde_json::from_str(text).unwrap();
    (case["in"].as_str().unwrap().to_owned(), case["added_to_an_otherwise_good_answer"].as_object().unwrap().clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn z15_a_claim_that_nobody_needs_signs_nobody_out() {
    for (place, added) in CASES.map(odd) {
        let issuer = Issuer::start().await;
        issuer.told(|script| match place.as_str() {
            "id_token" => script.claims = added.clone(),
            "userinfo" => script.userinfo = added.clone().into(),
            _ => script.tokens = added.clone(),
        });
        let mut app = with(&issuer, &[]).await;
        app.sign_in_at(&issuer).await;
        assert!(app.name().await.is_some(), "{place} {added:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z15_siblings_of_every_kind_are_not_judged_either() {
    let issuer = Issuer::start().await;
    let odd = json!({
        "updated_at": "yesterday", "address": "Main Street 1", "locale": 7, "zoneinfo": [], "birthdate": 19990101,
        "phone_number_verified": "no", "picture": { "url": "x" }, "profile": false, "auth_time": "2026-11-23", "acr": 1,
        "amr": "pwd", "gender": [], "given_name": 7, "email_verified": 1, "name": { "first": "Ann" },
    });
    let tokens = json!({ "expires_in": -1.5, "scope": ["openid"], "refresh_token": 7, "refresh_expires_in": "x" });
    issuer.told(|script| {
        script.claims = odd.as_object().unwrap().clone();
        script.userinfo = odd.clone();
        script.userinfo["preferred_username"] = json!("ann");
        script.tokens = tokens.as_object().unwrap().clone();
    });
    let mut app = with(&issuer, &[]).await;
    app.sign_in_at(&issuer).await;
    assert_eq!(app.name().await.as_deref(), Some("ann"));
}

#[tokio::test(flavor = "multi_thread")]
async fn z15_what_a_sign_in_depends_on_is_judged_as_before() {
    let issuer = Issuer::start().await;
    let app = with(&issuer, &[]).await;
    let now = jiff::Timestamp::now().as_second();
    for (claim, value) in [
        ("exp", json!("2099-01-01T00:00:00Z")),
        ("exp", json!(null)),
        ("exp", json!(now - 1_000)),
        ("iat", json!("2026-11-23T10:59:07Z")),
        ("iss", json!(["x"])),
        ("aud", json!([])),
        ("nonce", json!(7)),
        ("sub", json!(7)),
    ] {
        issuer.told(|script| script.claims = Map::from_iter([(claim.to_owned(), value.clone())]));
        let words = refused(app.try_issuer(&issuer).await, 403).await;
        assert!(words.starts_with(UNTRUSTED), "{claim} {value}: {words}");
    }
    for sign in [Sign::OtherKey, Sign::None, Sign::PublicKeyAsSecret, Sign::ClientSecret] {
        issuer.told(|script| {
            script.claims = Map::from_iter([("address".to_owned(), json!([]))]);
            script.sign = sign;
        });
        let words = refused(app.try_issuer(&issuer).await, 403).await;
        assert!(words.starts_with(UNTRUSTED), "{sign:?}: {words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z39_what_userinfo_does_not_say_the_id_token_has_said() {
    let issuer = Issuer::start().await;
    issuer.claims("preferred_username", json!("ann"));
    issuer.told(|script| script.userinfo = json!({ "email": "ann@example.org" }));
    let mut app = with(&issuer, &[]).await;
    app.sign_in_at(&issuer).await;
    assert_eq!(app.name().await.as_deref(), Some("ann"));
    assert_eq!(issuer.calls("userinfo"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn z39_nobody_and_somebody_else_are_refused() {
    let issuer = Issuer::start().await;
    let app = with(&issuer, &[]).await;
    for subject in [json!(""), json!("  "), json!(null)] {
        issuer.claims("sub", subject.clone());
        issuer.told(|script| script.userinfo = json!({ "sub": subject, "preferred_username": "ann" }));
        let words = refused(app.try_issuer(&issuer).await, 403).await;
        assert!(words.starts_with(UNTRUSTED), "{subject}: {words}");
    }
    issuer.claims("sub", json!("subject-1"));
    for subject in [json!("subject-2"), json!(""), json!(null)] {
        issuer.told(|script| script.userinfo = json!({ "sub": subject, "preferred_username": "ann" }));
        refused(app.try_issuer(&issuer).await, 403).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_a_name_is_replaced_and_in_a_subject_it_is_refused() {
    let issuer = Issuer::start().await;
    issuer.claims("preferred_username", json!("ann\0"));
    issuer.told(|script| script.userinfo = json!({}));
    let mut app = with(&issuer, &[]).await;
    app.sign_in_at(&issuer).await;
    let called: String =
        sql::query_scalar("select called from identity").fetch_one(app.state.store.read()).await.unwrap();
    assert_eq!(called, "ann\u{fffd}");
    issuer.claims("sub", json!("subject\0"));
    let words = refused(app.try_issuer(&issuer).await, 403).await;
    assert!(words.starts_with(UNTRUSTED), "{words}");
}
