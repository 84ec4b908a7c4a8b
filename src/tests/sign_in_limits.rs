//! Signing in: what is refused before authentication, and how fast. Rows of the attack checklist are named.

use super::accounts::{PASSWORD, cookie, location};
use super::app::{App, problem};
use crate::server::secret::Hash;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a21_a22_no_other_website_signs_anybody_in_or_out() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
        for path in ["/sign-in", "/sign-up", "/sign-out", "/account/tokens", "/account/sessions/end-others"] {
            let form = [("name", "Ann"), ("password", PASSWORD), ("scope", "write")];
            let answer = app.form(path, &form).header(name, value).header("referer", "https://evil.example/").send();
            let answer = answer.await.unwrap();
            assert!(!answer.headers().contains_key("location") && !answer.headers().contains_key("set-cookie"));
            problem(answer, 403).await;
        }
    }
    assert_eq!(app.name().await.as_deref(), Some("Ann"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_the_api_cannot_be_read_across_sites() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}/events");
    let own = app.url.clone();
    let host = own.strip_prefix("http://").unwrap();
    for (name, value) in [
        ("sec-fetch-site", "cross-site".to_owned()),
        ("sec-fetch-site", "same-site".to_owned()),
        ("origin", "https://evil.example".to_owned()),
        ("origin", "null".to_owned()),
        ("origin", format!("{own}.evil.example")),
        ("origin", "http://127.0.0.1:1".to_owned()),
        ("origin", format!("ftp://{host}")),
    ] {
        let answer = app.request(Method::GET, &path).header(name, &value).send().await.unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
        problem(answer, 403).await;
    }
    for (name, value) in [("origin", own.as_str()), ("sec-fetch-site", "same-origin"), ("x-none", "")] {
        let answer = app.request(Method::GET, &path).header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{name}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a25_a_name_that_is_not_ours_is_refused() {
    let app = App::start().await;
    for host in ["evil.com", "127.0.0.1.evil.com", "evil.com:3000", "user@localhost", "localhost/x", "<script>"] {
        for path in ["/", "/api/v1/models", "/sign-in"] {
            let answer = app.request(Method::GET, path).header("host", host).send().await.unwrap();
            let text = problem(answer, 403).await.to_string();
            assert!(!text.contains(host), "A46: it is not repeated");
        }
    }
    for host in ["localhost", "localhost:3000", "rivulet.localhost", "127.0.0.1", "[::1]:3000"] {
        let answer = app.request(Method::GET, "/api/v1/models").header("host", host).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{host}");
    }
    let app = App::with(&["--public-url=https://chat.example.org"]).await;
    for (host, status) in [("chat.example.org", 200), ("CHAT.example.org", 200), ("evil.example.org", 403)] {
        let answer = app.stranger(Method::GET, "/sign-in").header("host", host).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a26_a32_a_session_is_random_bound_to_the_host_and_kept_as_a_hash() {
    let secure = App::with(&["--public-url=https://chat.example.org", "--guests=off", "--sign-up=open"]).await;
    let form = secure.form("/sign-up", &[("name", "Ann"), ("password", PASSWORD)]);
    let answer = form.send().await.unwrap();
    for line in answer.headers().get_all("set-cookie") {
        let line = line.to_str().unwrap();
        assert!(line.starts_with("__Host-rivulet"), "{line}");
        for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(line.contains(attribute), "{line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
    let session = cookie(&answer, "__Host-rivulet").unwrap();
    let secret = session.split_once('=').unwrap().1;
    let hash = Hash::of(secret).to_string();
    let mut guesses = vec![secret[..63].to_owned(), secret.to_uppercase(), format!("{secret}0"), String::new(), hash];
    guesses.push("0".repeat(64));
    for guess in guesses {
        let request =
            secure.stranger(Method::GET, "/api/v1/models").header("cookie", format!("__Host-rivulet={guess}"));
        problem(request.send().await.unwrap(), 401).await;
    }
    let right = secure.stranger(Method::GET, "/api/v1/models").header("cookie", &session);
    assert_eq!(right.send().await.unwrap().status(), StatusCode::OK);
    let plain = secure.stranger(Method::GET, "/api/v1/models").header("cookie", format!("rivulet={secret}"));
    problem(plain.send().await.unwrap(), 401).await;
    for file in std::fs::read_dir(&secure.folder.0).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(64).any(|window| window == secret.as_bytes()), "the secret is not in the database");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a26_a_session_that_somebody_else_has_set_is_not_taken_over() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let fixed = app.new_cookie().await;
    app.cookie = fixed.clone();
    app.sign_in("Ann").await;
    assert_ne!(app.cookie, fixed);
    app.cookie = fixed;
    problem(app.get("/api/v1/models").await, 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a27_no_page_can_be_framed_or_reached_from_an_opener() {
    let app = App::start().await;
    for path in ["/", "/sign-in", "/sign-up"] {
        let page = app.get(path).await;
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"), "{path}");
        assert_eq!(page.headers()["cross-origin-opener-policy"], "same-origin");
        assert_eq!(page.headers()["cache-control"], "no-store, no-transform", "{path}");
    }
    let policy = app.get("/sign-in").await.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "no script runs there at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_nothing_that_has_an_effect_is_a_get() {
    let app = App::start().await;
    let id = uuid::Uuid::now_v7();
    for path in ["/sign-out", "/account/tokens", "/account/sessions/end", "/forms/delete", "/admin/sign-up"]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("/api/v1/replies/{id}/stop"), "/api/chat/delete".into()])
    {
        let answer = app.get(&path).await;
        assert!([404, 405].contains(&answer.status().as_u16()), "{path}: {}", answer.status());
    }
    let mut signed = app;
    signed.sign_up("Ann").await;
    problem(signed.get("/sign-out").await, 405).await;
    assert_eq!(signed.name().await.as_deref(), Some("Ann"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a29_wrong_passwords_are_slowed_and_the_right_person_gets_in() {
    let mut app = App::with(&["--trusted-proxies=127.0.0.1"]).await;
    app.sign_up("Ann").await;
    let known = app.form("/sign-out", &[]).send().await.unwrap();
    assert!(known.status().is_redirection());
    let out = app.try_sign_in("Ann", PASSWORD).await;
    let browser = cookie(&out, "rivulet-browser").unwrap();
    let before = app.state.passwords.compared();
    let mut refused = 0;
    for number in 0..1_000_u32 {
        let from =
            if number % 2 == 0 { "198.51.100.7".into() } else { std::net::Ipv4Addr::from(number << 8).to_string() };
        let try_it = app.form("/sign-in", &[("name", "Ann"), ("password", "a wrong guess")]);
        let answer = try_it.header("cookie", "none=").header("x-forwarded-for", from).send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=301).contains(&wait));
            refused += 1;
        }
    }
    let compared = app.state.passwords.compared() - before;
    assert_eq!(compared + refused, 1_000, "what is refused costs no comparison");
    assert!(compared <= 14, "{compared} guesses went through");
    // From an address that shares nothing with the attack, with a browser that is known: at once.
    let known = app.form("/sign-in", &[("name", "Ann"), ("password", PASSWORD)]);
    let answer = known.header("cookie", &browser).header("x-forwarded-for", "203.0.113.5").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "the right person gets in");
    // And other users are not delayed.
    app.cookie = app.new_cookie().await;
    app.sign_up("Bob").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a30_one_comparison_and_one_answer_whether_the_name_exists_or_not() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    app.cookie = "none=".into();
    let mut pages = Vec::new();
    for name in ["Ann", "Bob", "?", "<b>"] {
        let before = app.state.passwords.compared();
        let answer = app.try_sign_in(name, "a wrong guess").await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(app.state.passwords.compared() - before, 1, "{name}");
        let escaped = name.replace('<', "&lt;").replace('>', "&gt;");
        pages.push(
            answer
                .text()
                .await
                .unwrap()
                .replace(&format!("value=\"{escaped}\""), "")
                .replace(&format!("value=\"{name}\""), ""),
        );
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "the answers differ");
}

/// All of a sign-in that fails, including its log entry. The time of both is the time of one Argon2. Without one for an
/// unknown name, the medians would differ a thousand times; a factor of two is never reached, even on a machine that
/// runs other tests meanwhile. How small it is on a quiet one is printed.
#[tokio::test(flavor = "multi_thread")]
async fn a30_names_that_exist_take_no_longer_than_those_that_do_not() {
    use crate::server::accounts::{self, Arrival};
    use crate::server::principal::{Name, Role};
    use crate::server::store::accounts::NewAccount;
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let password = app.state.store.credentials("ann").await.unwrap().unwrap().password;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    // Fewer than are slowed down, with a name and an address of its own each.
    for round in 0..90_u32 {
        let (someone, nobody) = (format!("somebody {round}"), format!("nobody {round}"));
        let (name, password, role) = (Name::parse(&someone).unwrap(), password.clone(), Role::Member);
        let new = NewAccount { guest: None, name: &name, password, role, invitation: None };
        app.state.store.add_account(new).await.unwrap().unwrap();
        let mut names = [(&someone, &mut known, 1), (&nobody, &mut unknown, 2)];
        // The second one benefits from warm caches.
        names.rotate_left(round as usize % 2);
        for (name, times, side) in names {
            let address = std::net::Ipv4Addr::from(side << 24 | round << 8).into();
            let arrival = Arrival { who: None, browser: None, address, device: String::new() };
            let began = Instant::now();
            let refused = accounts::sign_in(&app.state, arrival, name, "a wrong guess").await;
            times.push(began.elapsed());
            assert_eq!(refused.err().unwrap().status(), 422);
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    let (known, unknown) = (median(&mut known), median(&mut unknown));
    eprintln!(
        "A30: medians {:.2} ms known, {:.2} ms unknown, {:+.2} %",
        known * 1e3,
        unknown * 1e3,
        100.0 * (known / unknown - 1.0)
    );
    assert!((0.5..2.0).contains(&(known / unknown)), "{known} s and {unknown} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a31_a_huge_password_is_refused_before_it_is_hashed() {
    let app = App::start().await;
    let (long, huge) = ("x".repeat(200_000), "x".repeat(1 << 20));
    for path in ["/sign-in", "/sign-up"] {
        let answer = app.form(path, &[("name", "Ann"), ("password", &long)]).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        let answer = app.form(path, &[("name", "Ann"), ("password", &huge)]).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    assert_eq!(app.state.passwords.compared(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a33_two_ways_of_saying_who_one_is_are_refused() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let token = app.token("read").await;
    let bearer = format!("Bearer {token}");
    let stranger = || app.stranger(Method::GET, "/api/v1/models");
    let other = app.new_cookie().await;
    let ambiguous = [
        stranger().header("cookie", &app.cookie).header("authorization", &bearer),
        stranger().header("authorization", &bearer).header("authorization", &bearer),
        stranger().header("cookie", &app.cookie).header("x-api-key", "a key"),
        stranger().header("authorization", &bearer).header("x-api-key", "a key"),
        stranger().header("cookie", format!("{}; {other}", app.cookie)),
        stranger().header("cookie", &app.cookie).header("cookie", &other),
    ];
    for request in ambiguous {
        let answer = problem(request.send().await.unwrap(), 400).await.to_string();
        assert!(!answer.contains(&token), "it is not repeated");
    }
    assert_eq!(stranger().header("authorization", &bearer).send().await.unwrap().status(), StatusCode::OK);
    for header in ["Bearer", "Bearer ", "Basic YTpi", "Token x", &token] {
        problem(stranger().header("authorization", header).send().await.unwrap(), 401).await;
    }
    problem(stranger().header("x-api-key", &token).send().await.unwrap(), 401).await;
    let query = format!("/api/v1/models?api_key={token}&token={token}");
    problem(app.stranger(Method::GET, &query).send().await.unwrap(), 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a34_an_address_that_is_made_up_does_not_help() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    app.cookie = "none=".into();
    let mut statuses = Vec::new();
    for number in 0..30 {
        let form = app.form("/sign-in", &[("name", &format!("name {number}")), ("password", "a wrong guess")]);
        let form = form.header("x-forwarded-for", format!("203.0.113.{number}")).header("forwarded", "for=1.2.3.4");
        let answer = form.header("x-forwarded-proto", "http").send().await.unwrap();
        statuses.push(answer.status().as_u16());
    }
    assert!(statuses.contains(&429), "thirty names from one address: {statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a46_nothing_that_a_request_says_of_itself_is_in_a_page() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    for path in ["/", "/sign-in", "/account", "/nowhere"] {
        let nasty = "\"><script>alert(1)</script>";
        let request = app.request(Method::GET, path).header("accept-language", nasty).header("user-agent", nasty);
        let page = request.header("referer", nasty).header("accept", "text/html").send().await.unwrap();
        assert!(!page.text().await.unwrap().contains("alert(1)"), "{path}");
    }
    let page = app.form("/sign-in", &[("name", "\"><script>alert(1)</script>"), ("password", "a wrong guess")]);
    let page = page.header("cookie", "none=").send().await.unwrap().text().await.unwrap();
    assert!(!page.contains("<script>"), "what was typed comes back as text");
}

#[tokio::test(flavor = "multi_thread")]
async fn a47_nobody_is_led_to_another_site() {
    let mut app = App::start().await;
    let mut names = 0;
    for next in [
        "//evil.com",
        "/\\evil.com",
        "javascript:alert(1)",
        "https://evil.com",
        "/%09/evil.com",
        "/\r\nset-cookie: a=b",
    ] {
        names += 1;
        let name = format!("Ann {names}");
        app.cookie = app.new_cookie().await;
        let form = app.form("/sign-up", &[("name", &name), ("password", PASSWORD), ("next", next)]);
        let answer = form.send().await.unwrap();
        assert_eq!(location(&answer), "/", "{next}");
        let mut url = reqwest::Url::parse(&app.url).unwrap().join("/sign-in").unwrap();
        url.query_pairs_mut().append_pair("next", next);
        let path = &url.as_str()[app.url.len()..];
        let page = app.stranger(Method::GET, path).send().await.unwrap();
        assert!(!page.text().await.unwrap().contains("evil.com"), "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a42_too_much_is_refused_before_the_provider_is_asked() {
    let mut app = App::with(&["--sends-per-minute=3", "--tokens-per-day=5"]).await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &super::upstream::script::Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let asked = app.upstream.seen().len();
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let refused = app.post(&path, json!({ "content": "x" })).await;
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&wait));
    let refused = problem(refused, 429).await["detail"].as_str().unwrap().to_owned();
    assert!(refused.starts_with("Today's 5 tokens are used up. It goes on at 00:00 UTC"), "{refused}");
    problem(app.post(&format!("/api/v1/replies/{}/retry", sent.reply), json!({})).await, 429).await;
    let stateless = json!({ "messages": [{ "role": "user", "content": "x" }] });
    problem(app.post("/chat/stream", stateless).await, 429).await;
    assert_eq!(app.upstream.seen().len(), asked, "nothing was sent to the provider");
    assert_eq!(app.snapshot(&conversation).await["messages"].as_array().unwrap().len(), 2, "nothing was kept");
}
