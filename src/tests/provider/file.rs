//! Providers in `rivulet.toml`, and the errors of an invalid file.

use crate::server::provider::Kind;
use crate::server::settings::Settings;
use crate::tests::app::Folder;
use clap::Parser;
use secrecy::ExposeSecret;

/// The settings with this file and these flags.
fn settings(folder: &Folder, toml: &str, flags: &[&str]) -> Settings {
    let path = folder.0.join("rivulet.toml");
    std::fs::write(&path, toml).unwrap();
    let config = format!("--config={}", path.display());
    Settings::parse_from(["rivulet", &config].iter().chain(flags))
}

/// The error of an invalid file, without its path.
fn complaint(toml: &str) -> String {
    let folder = Folder::new();
    let told = settings(&folder, toml, &[]).providers().unwrap_err();
    assert!(!told.contains('\n'), "one line: {told}");
    told.split_once("rivulet.toml:").unwrap_or_else(|| panic!("the file is not named: {told}")).1.to_owned()
}

const TWO: &str = r#"
[providers.work]
kind = "anthropic"
key_env = "CARGO_PKG_NAME"
parameters = { max_tokens = 9 }

[[providers.work.models]]
id = "claude-x"
name = "Claude at work"
context = 200000
price = { input = 2, output = 10.5 }
images = true
parameters = { thinking = { type = "adaptive" } }

[providers.home]
kind = "anthropic"
base_url = "http://127.0.0.1:9/"
"#;

#[test]
fn z11_a_wrong_dialect_is_told_with_its_line() {
    let of = |more: &str| complaint(&format!("[providers.x]\nkind = \"anthropic\"\n{more}\n"));
    assert!(of("longest_reply = \"max_tokens\"").starts_with("3: longest_reply: expected only where"));
    assert!(of("leave_out = [\"stream_options\"]").starts_with("3: leave_out: Rivulet adds nothing"));
    let openai = "[providers.x]\nkind = \"openai\"\nleave_out = [\"messages\"]\n";
    assert!(complaint(openai).starts_with("3: leave_out: expected what Rivulet adds"), "{}", complaint(openai));
}

#[test]
fn a_models_id_has_no_nul() {
    let told = complaint("[providers.x]\nkind = \"ollama\"\nmodels = [{ id = \"a\\u0000\" }]\n");
    assert!(told.starts_with("3: id: expected"), "{told}");
}

#[test]
fn two_providers_of_one_kind_come_in_the_order_of_the_file() {
    let folder = Folder::new();
    let endpoints = settings(&folder, TWO, &[]).providers().unwrap().providers;
    let [work, home] = &endpoints[..] else { panic!("{endpoints:?}") };
    assert_eq!((work.origin.name.as_str(), home.origin.name.as_str()), ("work", "home"));
    assert_eq!(work.key.as_ref().map(ExposeSecret::expose_secret), Some(env!("CARGO_PKG_NAME")));
    assert_eq!((work.base_url.as_str(), home.base_url.as_str()), (Kind::Anthropic.base_url(), "http://127.0.0.1:9"));
    assert_eq!(work.parameters["max_tokens"], 9);
    let model = &work.models[0];
    assert_eq!(
        (model.name.as_deref(), model.context, model.images),
        (Some("Claude at work"), Some(200_000), Some(true))
    );
    assert_eq!(model.price.map(|price| (price.input, price.output)), Some((2.0, 10.5)));
    assert_eq!(model.parameters["thinking"]["type"], "adaptive");
}

#[test]
fn where_file_and_environment_name_the_same_provider_the_file_wins() {
    let folder = Folder::new();
    let toml = "[providers.openai]\nkind = \"openai-responses\"\n";
    let flags = ["--openai-api-key=x", "--gemini-api-key=x", "--ollama-host=:1234"];
    let endpoints = settings(&folder, toml, &flags).providers().unwrap().providers;
    let named: Vec<_> = endpoints.iter().map(|it| (it.origin.name.as_str(), it.kind, it.key.is_some())).collect();
    let expected =
        [("openai", Kind::Responses, false), ("gemini", Kind::Gemini, true), ("ollama", Kind::Ollama, false)];
    assert_eq!(named, expected);
    assert_eq!(endpoints[2].base_url, "http://127.0.0.1:1234");
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_is_expected() {
    let provider = "[providers.a]\nkind = \"openai\"\n";
    let cases = [
        ("[providers.a]\nkind = \"claude\"\n", "2: ", "openai-responses"),
        ("\n\n[providers.a]\n", "3: ", "kind"),
        ("[providers.a]\nkind = \"openai\"\ncolour = 1\n", "3: ", "key_env"),
        ("[provider.a]\n", "1: ", "providers"),
        (&format!("{provider}base_url = \"localhost:1\"\n"), "3: ", "https://"),
        (&format!("{provider}key_env = \"RIVULET_TEST_NOT_SET\"\n"), "3: ", "RIVULET_TEST_NOT_SET is not set"),
        (&format!("{provider}key_file = \"/not/there\"\n"), "3: ", "/not/there"),
        (&format!("{provider}key_env = \"A\"\nkey_file = \"b\"\n"), "4: ", "not both"),
        (&format!("{provider}parameters = {{ temperature = 1, stream = false }}\n"), "3: ", "stream"),
        (&format!("{provider}[[providers.a.models]]\nid = \"x\"\ncontext = 0\n"), "5: ", "tokens"),
        (&format!("{provider}[[providers.a.models]]\nid = \"x\"\nprice = {{ input = 1 }}\n"), "5: ", "output"),
        (
            &format!("{provider}[[providers.a.models]]\nid = \"x\"\nprice = {{ input = -1, output = nan }}\n"),
            "5: ",
            "0 or more",
        ),
        (&format!("{provider}[[providers.a.models]]\nname = \"x\"\n"), "3: ", "id"),
        ("[providers.demo]\nkind = \"openai\"\n", "1: ", "other than demo"),
        ("[providers.\"a/b\"]\nkind = \"openai\"\n", "1: ", "letters"),
        ("[providers.a\n", "1: ", ""),
        (&format!("{provider}{provider}"), "3: ", "duplicate"),
    ];
    for (toml, line, expected) in cases {
        let told = complaint(toml);
        assert!(told.starts_with(line) && told.contains(expected), "{toml}\n{told}");
    }
}

#[test]
fn a_date_is_no_parameter() {
    let toml = "[providers.a]\nkind = \"openai\"\nparameters = { since = 2026-11-22 }\n";
    assert!(complaint(toml).starts_with("3: "), "JSON has no dates");
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let settings = Settings::parse_from(["rivulet", "--config=/not/there.toml"]);
    assert!(settings.providers().unwrap_err().starts_with("/not/there.toml: it cannot be read"));
}

#[test]
fn a_key_with_a_line_break_in_it_is_refused_and_not_repeated() {
    let folder = Folder::new();
    std::fs::write(folder.0.join("key"), "sec\nret\n").unwrap();
    let key = folder.0.join("key").display().to_string();
    let told = complaint(&format!("[providers.a]\nkind = \"openai\"\nkey_file = \"{key}\"\n"));
    assert!(told.starts_with("3: ") && !told.contains("sec"), "{told}");
}

#[test]
fn the_example_is_one() {
    let folder = Folder::new();
    let example = include_str!("../../../deploy/rivulet.toml");
    let lines =
        example.lines().map(|line| if line.starts_with("key_env") { "key_env = \"CARGO_PKG_NAME\"" } else { line });
    let toml = lines.collect::<Vec<_>>().join("\n");
    let endpoints = settings(&folder, &toml, &[]).providers().unwrap().providers;
    assert_eq!(endpoints.len(), example.matches("\n[providers.").count(), "each table of a provider is one");
}
