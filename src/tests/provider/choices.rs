//! Which models there are, the errors of invalid settings, the tour, and when to retry.

use super::*;
use crate::model::{Parameters, Role};
use crate::server::provider::{Endpoint, GO_ON, Listed, Price, ProviderSettings, Providers, Request, Turn, retry};
use futures::StreamExt;
use std::time::Duration;

#[test]
fn f5_the_time_to_wait_is_read_in_every_form() {
    let now = "2026-11-22T10:00:00Z".parse().unwrap();
    let wait = |name: &'static str, value: &'static str| {
        let headers = [(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect();
        retry::retry_after(&headers, now)
    };
    assert_eq!(wait("retry-after", "2"), Some(Duration::from_secs(2)));
    assert_eq!(wait("retry-after", "0.5"), Some(Duration::from_millis(500)));
    assert_eq!(wait("retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
    assert_eq!(wait("retry-after", "Sun, 22 Nov 2026 10:00:07 GMT"), Some(Duration::from_secs(7)));
    assert_eq!(wait("retry-after", "Sun, 22 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
    for nonsense in ["-1", "soon", "NaN", "1e300", "Sun, 99 Nov 2026"] {
        assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
    }
    for retry in 0..100 {
        let pause = retry::pause(retry, Duration::from_millis(500), Duration::from_secs(8));
        assert!((500..=8_000).contains(&pause.as_millis()), "{retry}: {pause:?}");
    }
}

fn endpoint(kind: Kind, base_url: &str, key: Option<&str>) -> Endpoint {
    Endpoint {
        origin: Origin::environment(kind.name(), &kind.name().to_uppercase()),
        kind,
        key: key.map(|key| key.to_owned().into()),
        base_url: base_url.into(),
        parameters: Default::default(),
        dialect: Default::default(),
        models: Vec::new(),
    }
}

fn one(endpoint: Endpoint) -> ProviderSettings {
    ProviderSettings { providers: vec![endpoint], ..ProviderSettings::default() }
}

fn providers(settings: ProviderSettings) -> Result<Providers, String> {
    Providers::new(settings, ProviderLimits::default())
}

fn ids(providers: &Providers) -> Vec<String> {
    providers.models().into_iter().map(|model| model.id).collect()
}

#[test]
fn models_are_the_listed_ones_behind_the_default() {
    let none = providers(ProviderSettings::default()).unwrap();
    assert_eq!(none.default_model(), "demo/tour");
    let settings = one(endpoint(Kind::OpenAi, "http://localhost:11434/v1", None));
    let built_in = providers(settings.clone()).unwrap();
    assert_eq!(built_in.default_model(), format!("openai/{}", Kind::OpenAi.models()[0]));
    let models = vec!["openai/a".to_owned(), "openai/b/c".to_owned()];
    let chosen = ProviderSettings { models, model: Some("openai/b/c".into()), ..settings };
    let chosen = providers(chosen).unwrap().models();
    let ids: Vec<_> = chosen.iter().map(|model| (model.id.as_str(), model.name.as_str(), model.default)).collect();
    assert_eq!(ids, [("openai/b/c", "b/c", true), ("openai/a", "a", false)]);
}

#[test]
fn what_is_known_of_a_model_goes_with_it_wherever_it_is_listed() {
    let price = Some(Price { input: 2.0, output: 10.0 });
    let known = Listed { id: "a".into(), name: Some("Ah".into()), context: Some(9), price, ..Listed::default() };
    let mut work = endpoint(Kind::Anthropic, "http://localhost:1", None);
    work.origin = Origin::file("work");
    work.models = vec![Listed { id: "b".into(), ..Listed::default() }, known];
    let settings = one(work);
    let all = providers(settings.clone()).unwrap();
    assert_eq!(ids(&all), ["work/b", "work/a"]);
    assert_eq!(all.choices()[1].model.name, "Ah");
    let some = ProviderSettings { models: vec!["work/a".into()], ..settings };
    let some = providers(some).unwrap().choices();
    assert_eq!((some.len(), some[0].context, some[0].price), (1, Some(9), price));
}

#[test]
fn other_settings_replace_all_and_wrong_ones_change_nothing() {
    let providers = providers(one(endpoint(Kind::OpenAi, "http://localhost:1", None))).unwrap();
    assert!(providers.replace(one(endpoint(Kind::OpenAi, "nowhere", None))).is_err());
    assert_eq!(providers.names(), ["openai"]);
    providers.replace(one(endpoint(Kind::Mistral, "http://localhost:1", None))).unwrap();
    assert_eq!(providers.names(), ["mistral"]);
    assert!(providers.resolve("openai/x").is_err());
}

#[test]
fn a_model_that_no_list_names_is_passed_through_and_an_unknown_provider_is_not() {
    let providers = providers(one(endpoint(Kind::Anthropic, "http://localhost:1", Some("key-123")))).unwrap();
    for known in ["anthropic/brand-new", "anthropic/a/b", "demo/tour"] {
        assert_eq!(providers.resolve(known), Ok(()));
    }
    for unknown in ["openai/gpt", "claude", "anthropic/", "/x", "", "demo/other"] {
        let why = providers.resolve(unknown).unwrap_err();
        assert!(why.contains("anthropic"), "{unknown}: {why}");
    }
}

#[test]
fn a_wrong_setting_is_named_with_what_is_expected_and_no_key_is_repeated() {
    let with = |base_url, key| providers(one(endpoint(Kind::OpenAi, base_url, key))).err().unwrap();
    for url in ["", "localhost:11434", "ftp://x/v1", "http://me:secret@x/v1", "http://x/v1?a=b"] {
        assert!(with(url, None).starts_with("OPENAI_BASE_URL: expected"), "{url}");
    }
    let why = with("http://localhost/v1", Some("se\ncret"));
    assert!(why.starts_with("The key in OPENAI_API_KEY: expected") && !why.contains("cret"), "{why}");
    let model = Some("anthropic/x".to_owned());
    let why = providers(ProviderSettings { model, ..ProviderSettings::default() }).err().unwrap();
    assert!(why.starts_with("RIVULET_MODEL: ") && why.contains("ANTHROPIC_API_KEY"), "{why}");
}

/// What the tour answers, with a question as the first turn.
async fn tour(turns: &[&str]) -> String {
    let providers = providers(ProviderSettings::default()).unwrap();
    let sides = [Role::User, Role::Assistant].into_iter().cycle();
    let turns = sides.zip(turns).map(|(role, text)| Turn::said(role, *text)).collect();
    let request = Request { model: "tour".into(), system: String::new(), turns, parameters: Parameters::default() };
    let deltas: Vec<_> = providers.reply("demo/tour", request).collect().await;
    assert_eq!(deltas[0], Delta::Started { request_id: None });
    assert_eq!(deltas.last(), Some(&finished("end_turn")));
    shown(&deltas)
}

#[tokio::test(start_paused = true)]
async fn the_tour_says_first_that_no_model_is_configured_and_quotes_the_question() {
    let first = tour(&["Who are you?\nReally?"]).await;
    assert!(first.starts_with("No model is configured"));
    for part in ["ANTHROPIC_API_KEY", "> Who are you?\n> Really?\n", "- [ ]", "```rust"] {
        assert!(first.contains(part), "{part}");
    }
    let again = tour(&["Who are you?", &first, "And now?"]).await;
    assert!(again.starts_with("No model is configured") && again.contains("> And now?"));
    assert!(again.len() < first.len() / 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_without_a_model_says_how_to_name_one() {
    let providers = providers(one(endpoint(Kind::Ollama, "http://localhost:1", None))).unwrap();
    assert_eq!(providers.default_model(), "demo/tour");
    let turns = vec![Turn::said(Role::User, "Hello")];
    let request = Request { model: "tour".into(), system: String::new(), turns, parameters: Default::default() };
    let deltas: Vec<_> = providers.reply("demo/tour", request).collect().await;
    assert!(shown(&deltas).contains("RIVULET_MODEL"));
}

#[tokio::test(start_paused = true)]
async fn the_tour_goes_on_where_it_was_stopped() {
    let whole = tour(&["Hello"]).await;
    let (kept, rest) = whole.split_at(whole.find("stop the reply").unwrap());
    assert_eq!(tour(&["Hello", kept.trim_end(), GO_ON]).await, rest);
    assert_eq!(tour(&["Hello", &whole, GO_ON]).await, "");
}

#[test]
fn a_fallback_that_cannot_be_asked_is_told_at_the_start() {
    let listed = |fallback: &str| Listed { id: "a".into(), fallback: Some(fallback.into()), ..Listed::default() };
    let settings = |fallback: &str| {
        one(Endpoint { models: vec![listed(fallback)], ..endpoint(Kind::OpenAi, "http://localhost:1/v1", None) })
    };
    assert!(providers(settings("openai/b")).is_ok());
    for wrong in ["openai/a", "nobody/b", "openai", "demo/tour"] {
        let told = providers(settings(wrong)).err().unwrap();
        assert!(told.starts_with("The fallback of openai/a: "), "{told}");
    }
}
