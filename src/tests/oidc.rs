//! Signing in by OpenID Connect, against an issuer that lies in every possible way.

mod accounts;
mod issuer;
mod unused;

use super::accounts::{cookie, location};
use super::app::{App, Folder, text};
use super::upstream::Upstream;
use super::upstream::script::Script;
use crate::server::bounds::Bounds;
use crate::server::oidc::{Flow, Purpose};
use issuer::{Issuer, Sign};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::json;
use std::time::Duration;

pub(crate) const CLIENT: &str = "rivulet";
pub(crate) const SECRET: &str = "the-secret-of-the-client";

/// A server that is registered at an issuer, and asks it again without a pause.
async fn with(issuer: &Issuer, more: &[&str]) -> App {
    on(Folder::new(), issuer, more).await
}

async fn on(folder: Folder, issuer: &Issuer, more: &[&str]) -> App {
    let flags = flags(issuer);
    let flags: Vec<_> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let bounds = Bounds { issuer_again: Duration::ZERO, ..Bounds::default() };
    App::at(folder, Upstream::start().await, &flags, bounds).await
}

fn flags(issuer: &Issuer) -> [String; 4] {
    [
        format!("--oidc-issuer={}", issuer.url()),
        format!("--oidc-client-id={CLIENT}"),
        format!("--oidc-client-secret={SECRET}"),
        "--oidc-name=The Office".into(),
    ]
}

/// A browser's way to the issuer: where it is sent, and what it remembers.
struct Away {
    to: Url,
    remembers: String,
}

impl App {
    async fn leave(&self, form: &str, fields: &[(&str, &str)]) -> Away {
        let answer = self.form(form, fields).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
        let refresh = answer.headers()["refresh"].to_str().unwrap();
        let to = Url::parse(refresh.strip_prefix("0; url=").unwrap()).unwrap();
        let line = answer.headers()["set-cookie"].to_str().unwrap();
        for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
            assert!(line.contains(attribute), "{line}");
        }
        let remembers = line.split(';').next().unwrap().to_owned();
        assert!(answer.text().await.unwrap().contains("Go on to The Office"), "without a refresh there is a link");
        Away { to, remembers }
    }

    /// Comes back from the issuer, as a browser with these cookies.
    async fn come_back(&self, back: &Url, remembers: &str) -> Response {
        let path = &back.as_str()[self.url.len()..];
        let request = self.stranger(Method::GET, path).header("sec-fetch-site", "cross-site");
        let cookies = [self.cookie.as_str(), remembers].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>();
        request.header("cookie", cookies.join("; ")).send().await.unwrap()
    }

    /// The whole sign-in, to the issuer and back.
    async fn try_issuer(&self, issuer: &Issuer) -> Response {
        let away = self.leave("/sign-in/oidc", &[]).await;
        self.come_back(&issuer.sign_in(&away.to), &away.remembers).await
    }

    async fn sign_in_at(&mut self, issuer: &Issuer) {
        let answer = self.try_issuer(issuer).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{}", answer.text().await.unwrap());
        self.cookie = cookie(&answer, "rivulet").unwrap();
    }
}

/// Asserts that this answer signs no one in; returns the words of its page.
async fn refused(answer: Response, status: u16) -> String {
    assert_eq!(cookie(&answer, "rivulet"), None, "there is no session");
    assert_eq!(answer.status().as_u16(), status);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let page = answer.text().await.unwrap();
    let start = page.find("role=\"alert\"").expect("the page says what went wrong");
    let words = page[start..].split('>').nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(page.contains("href=\"/sign-in") || page.contains("href=\"/account\""), "and what to do next: {page}");
    words
}

const UNTRUSTED: &str = "What The Office has answered does not check out";

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_becomes_a_new_account_and_comes_back_to_it() {
    let issuer = Issuer::start().await;
    issuer.told(|script| script.userinfo = json!({ "preferred_username": "ann", "email": "Ann@Example.org" }));
    let mut app = with(&issuer, &[]).await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let before = app.cookie.clone();
    let away = app.leave("/sign-in/oidc", &[("next", "/account")]).await;
    let answer = app.come_back(&issuer.sign_in(&away.to), &away.remembers).await;
    assert_eq!(location(&answer), "/account");
    let forgotten = away.remembers.split('=').next().unwrap();
    assert_eq!(cookie(&answer, forgotten), Some(format!("{forgotten}=")), "the try is over");
    app.cookie = cookie(&answer, "rivulet").unwrap();
    assert_ne!(app.cookie, before, "A26: the session is renewed");
    assert_eq!(app.name().await.as_deref(), Some("ann"));
    assert_eq!(text(&app.conversations().await[0]["id"]), conversation);

    app.form("/sign-out", &[]).send().await.unwrap();
    app.cookie = String::new();
    app.sign_in_at(&issuer).await;
    assert_eq!(app.name().await.as_deref(), Some("ann"));
    assert_eq!(app.conversations().await.len(), 1);
    assert_eq!(issuer.calls("userinfo"), 1, "who is known is not asked about again");
    let log = app.state.store.audit(None).await.unwrap().0;
    let log: Vec<_> = log.iter().map(|it| format!("{} {} {}", it.actor, it.action, it.detail)).collect();
    assert!(log.iter().any(|it| it.starts_with("ann signed in with The Office, ")), "{log:?}");
    assert!(log.iter().any(|it| it == "ann signed up member, with The Office"), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_guests_conversations_are_asked_about() {
    let issuer = Issuer::start().await;
    let mut app = with(&issuer, &[]).await;
    app.sign_in_at(&issuer).await;
    app.cookie = app.new_cookie().await;
    app.conversation().await;
    let answer = app.try_issuer(&issuer).await;
    assert_eq!(location(&answer), "/account/conversations");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_claim_signs_nobody_in() {
    let issuer = Issuer::start().await;
    let app = with(&issuer, &[]).await;
    let now = jiff::Timestamp::now().as_second();
    let wrong = [
        ("nonce", json!("another")),
        ("nonce", json!(null)),
        ("iss", json!("https://evil.example")),
        ("iss", json!(null)),
        ("aud", json!("another")),
        ("aud", json!(null)),
        ("aud", json!([CLIENT, "another"])),
        ("azp", json!("another")),
        ("exp", json!(now - 1)),
        ("exp", json!(null)),
        ("iat", json!(now + 120)),
        ("iat", json!(now - 3_600)),
        ("sub", json!(null)),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
    ];
    let mut let_in = Vec::new();
    for (claim, value) in wrong {
        issuer.told(|script| script.claims.clear());
        issuer.claims(claim, value.clone());
        match app.try_issuer(&issuer).await {
            answer if answer.status() == StatusCode::SEE_OTHER => let_in.push(format!("{claim} {value}")),
            answer => assert!(refused(answer, 403).await.starts_with(UNTRUSTED), "{claim} {value}"),
        }
    }
    assert_eq!(let_in, [""; 0]);
    for (claims, value) in [("aud", json!([CLIENT])), ("azp", json!(CLIENT))] {
        issuer.told(|script| script.claims.clear());
        issuer.claims(claims, value);
        assert_eq!(app.try_issuer(&issuer).await.status(), StatusCode::SEE_OTHER, "{claims}");
    }
    issuer.claims("aud", json!([CLIENT, "another"]));
    issuer.claims("azp", json!(CLIENT));
    assert_eq!(app.try_issuer(&issuer).await.status(), StatusCode::SEE_OTHER, "for several, made for us");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_signs_nobody_in() {
    let issuer = Issuer::start().await;
    let app = with(&issuer, &[]).await;
    let mut let_in = Vec::new();
    for sign in [Sign::OtherKey, Sign::None, Sign::PublicKeyAsSecret, Sign::ClientSecret] {
        issuer.told(|script| script.sign = sign);
        match app.try_issuer(&issuer).await {
            answer if answer.status() == StatusCode::SEE_OTHER => let_in.push(sign),
            answer => assert!(refused(answer, 403).await.starts_with(UNTRUSTED), "{sign:?}"),
        }
    }
    assert_eq!(let_in, []);
    issuer.told(|script| script.sign = Sign::Right);
    assert_eq!(app.try_issuer(&issuer).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_algorithm_that_the_issuer_does_not_list_signs_nobody_in() {
    let issuer = Issuer::start().await;
    let listed = json!(["RS256", "HS256"]);
    issuer.told(|script| drop(script.metadata.insert("id_token_signing_alg_values_supported".into(), listed)));
    let app = with(&issuer, &[]).await;
    refused(app.try_issuer(&issuer).await, 403).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_belongs_to_one_browser_and_is_taken_once() {
    let issuer = Issuer::start().await;
    issuer.told(|script| script.codes_last = true);
    let app = with(&issuer, &[]).await;
    let (away, other) = (app.leave("/sign-in/oidc", &[]).await, app.leave("/sign-in/oidc", &[]).await);
    let back = issuer.sign_in(&away.to);
    let stale = "This way in was begun in another browser";
    // Without the cookie, with that of another try, with that of another try under this one's name.
    let name = away.remembers.split('=').next().unwrap();
    let forged = format!("{name}={}", other.remembers.split_once('=').unwrap().1);
    for remembers in ["", other.remembers.as_str(), forged.as_str()] {
        let words = refused(app.come_back(&back, remembers).await, 400).await;
        assert!(words.starts_with(stale), "{remembers}: {words}");
    }
    // With what it was begun for changed: the state no longer fits.
    let changed = format!("{}x", away.remembers);
    refused(app.come_back(&back, &changed).await, 400).await;
    for state in ["", "x", &"0".repeat(64), "é€"] {
        let mut wrong = back.clone();
        wrong.query_pairs_mut().clear().append_pair("code", "x").append_pair("state", state);
        refused(app.come_back(&wrong, &away.remembers).await, 400).await;
    }
    assert_eq!(issuer.calls("token"), 0, "nothing of this is worth a question");
    // Several tabs at once.
    assert_eq!(app.come_back(&back, &away.remembers).await.status(), StatusCode::SEE_OTHER);
    let second = issuer.sign_in(&other.to);
    assert_eq!(app.come_back(&second, &other.remembers).await.status(), StatusCode::SEE_OTHER);
    let words = refused(app.come_back(&back, &away.remembers).await, 400).await;
    assert!(words.starts_with(stale), "{words}");
    assert_eq!(issuer.calls("token"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_issuer_is_not_taken() {
    let issuer = Issuer::start().await;
    let app = with(&issuer, &[]).await;
    for iss in [Some("https://evil.example"), Some(""), None] {
        let away = app.leave("/sign-in/oidc", &[]).await;
        let mut back = issuer.sign_in(&away.to);
        let kept: Vec<_> = back.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
        back.query_pairs_mut().clear().extend_pairs(kept);
        if let Some(iss) = iss {
            back.query_pairs_mut().append_pair("iss", iss);
        }
        let words = refused(app.come_back(&back, &away.remembers).await, 403).await;
        assert!(words.starts_with(UNTRUSTED), "{iss:?}: {words}");
    }
    assert_eq!(issuer.calls("token"), 0, "no code goes anywhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a46_what_the_issuer_says_is_short_and_no_markup() {
    let issuer = Issuer::start().await;
    let app = with(&issuer, &[]).await;
    let long = format!("<script>alert(1)</script>\u{202e}{}", "x".repeat(5_000));
    for (error, said, expected) in [
        ("access_denied", "Cancelled", "You have not signed in at The Office."),
        ("login_required", long.as_str(), "The Office has not signed you in. It says: “&lt;script"),
    ] {
        let away = app.leave("/sign-in/oidc", &[]).await;
        let state = issuer.sign_in(&away.to).query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let mut back = Url::parse(&format!("{}/sign-in/oidc/callback", app.url)).unwrap();
        back.query_pairs_mut().append_pair("error", error).append_pair("error_description", said);
        back.query_pairs_mut().append_pair("state", &state).append_pair("iss", &issuer.url());
        let words = refused(app.come_back(&back, &away.remembers).await, 403).await;
        assert!(words.starts_with(expected) && words.len() < 400, "{words}");
        assert!(!words.contains('\u{202e}'), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_new_is_fetched() {
    let issuer = Issuer::start().await;
    let app = with(&issuer, &[]).await;
    assert_eq!(app.try_issuer(&issuer).await.status(), StatusCode::SEE_OTHER);
    issuer.rotate();
    let fetched = issuer.calls("jwks");
    assert_eq!(app.try_issuer(&issuer).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(issuer.calls("jwks"), fetched + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_not_fetched_for_every_bad_signature() {
    let issuer = Issuer::start().await;
    let flags = flags(&issuer);
    let app = App::with(&flags.iter().map(String::as_str).collect::<Vec<_>>()).await;
    issuer.told(|script| script.sign = Sign::OtherKey);
    for _ in 0..5 {
        refused(app.try_issuer(&issuer).await, 403).await;
    }
    assert_eq!(issuer.calls("jwks"), 2, "at the start, and once more");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_stops_no_start_and_is_asked_again() {
    let issuer = Issuer::start().await;
    issuer.told(|script| script.down = true);
    let mut app = with(&issuer, &[]).await;
    let page = app.get("/sign-in").await.text().await.unwrap();
    assert!(page.contains("The Office cannot be reached at the moment.") && !page.contains("formaction"), "{page}");
    let words = refused(app.form("/sign-in/oidc", &[]).send().await.unwrap(), 503).await;
    assert!(words.starts_with("The Office cannot be reached at the moment."), "{words}");
    issuer.told(|script| script.down = false);
    let page = app.get("/sign-in").await.text().await.unwrap();
    assert!(page.contains("Sign in with The Office") && page.contains("formaction=\"/sign-in/oidc\""), "{page}");
    // What it said of itself is remembered; what cannot be exchanged now is said in words.
    let away = app.leave("/sign-in/oidc", &[]).await;
    let back = issuer.sign_in(&away.to);
    issuer.told(|script| script.down = true);
    refused(app.come_back(&back, &away.remembers).await, 403).await;
    issuer.told(|script| script.down = false);
    app.sign_in_at(&issuer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a47_nobody_is_led_elsewhere_afterwards() {
    let issuer = Issuer::start().await;
    let app = with(&issuer, &[]).await;
    for next in ["//evil.com", "https://evil.com", "/\\evil.com", "javascript:alert(1)", "/a|b"] {
        let away = app.leave("/sign-in/oidc", &[("next", next)]).await;
        let answer = app.come_back(&issuer.sign_in(&away.to), &away.remembers).await;
        assert_eq!(location(&answer), "/", "{next}");
    }
    // A cookie that was made up as a whole leads no further.
    let flow = Flow::new(Purpose::SignIn { invitation: None }, "//evil.com").unwrap();
    let away = app.leave("/sign-in/oidc", &[]).await;
    let mut to = away.to.clone();
    let other: Vec<_> = to
        .query_pairs()
        .into_owned()
        .map(|(name, value)| if name == "state" { (name, flow.state()) } else { (name, value) })
        .collect();
    to.query_pairs_mut().clear().extend_pairs(other);
    let remembers = format!("rivulet-oidc-{}={}", &flow.state()[..16], flow.cookie());
    let answer = app.come_back(&issuer.sign_in(&to), &remembers).await;
    assert!(!answer.headers().get("location").is_some_and(|it| it.to_str().unwrap().contains("evil")));
    assert!(!answer.text().await.unwrap().contains("evil"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a21_no_other_website_sends_anybody_there() {
    let issuer = Issuer::start().await;
    let mut app = with(&issuer, &[]).await;
    app.sign_up("Ann").await;
    for path in ["/sign-in/oidc", "/account/identities/link", "/account/identities/unlink"] {
        let answer = app.form(path, &[]).header("sec-fetch-site", "cross-site").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        assert!(!answer.headers().contains_key("refresh") && !answer.headers().contains_key("set-cookie"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_is_the_public_address_or_else_the_one_that_was_asked() {
    let issuer = Issuer::start().await;
    let redirect = |away: &Url| away.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    let app = with(&issuer, &[]).await;
    let own = app.leave("/sign-in/oidc", &[]).await;
    assert_eq!(redirect(&own.to), format!("{}/sign-in/oidc/callback", app.url));
    let app = with(&issuer, &["--public-url=https://chat.example.org", "--guests=off"]).await;
    let answer = app.form("/sign-in/oidc", &[]).header("host", "chat.example.org").send().await.unwrap();
    let line = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(line.starts_with("__Host-rivulet-oidc-") && line.contains("Secure"), "{line}");
    let refresh = answer.headers()["refresh"].to_str().unwrap();
    let to = Url::parse(refresh.strip_prefix("0; url=").unwrap()).unwrap();
    assert_eq!(redirect(&to), "https://chat.example.org/sign-in/oidc/callback");
}

#[tokio::test]
async fn half_a_setting_stops_the_start_with_one_line() {
    let upstream = Upstream::start().await;
    let folder = Folder::new();
    let all = ["--oidc-issuer=https://id.example.org", "--oidc-client-id=rivulet", "--oidc-client-secret=x"];
    let read = |flags: &[&str]| super::app::settings(&folder, &upstream, flags).oidc();
    assert!(read(&[]).unwrap().is_none());
    assert_eq!(read(&all).unwrap().unwrap().name, "id.example.org");
    for (left_out, named) in
        [(0, "RIVULET_OIDC_ISSUER"), (1, "RIVULET_OIDC_CLIENT_ID"), (2, "RIVULET_OIDC_CLIENT_SECRET")]
    {
        let some: Vec<_> = all.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, flag)| *flag).collect();
        let said = read(&some).unwrap_err();
        assert!(said.starts_with(named) && !said.contains('\n'), "{said}");
    }
    assert!(read(&["--oidc-name=The Office"]).unwrap_err().starts_with("RIVULET_OIDC_ISSUER"));
    for wrong in ["id.example.org", "http://id.example.org", "https://id.example.org/?a=b", "ftp://id.example.org"] {
        use clap::Parser;
        let parsed = crate::server::settings::Settings::try_parse_from(["rivulet", &format!("--oidc-issuer={wrong}")]);
        assert!(parsed.unwrap_err().to_string().contains("RIVULET_OIDC_ISSUER expects"), "{wrong}");
    }
}
