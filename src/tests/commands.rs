//! The commands besides serving, as far as they can be run inside this process. `backup` and `restore` are in `backup`.

mod account;
mod doctor;
mod health;
mod tls;

use super::app::Folder;
use super::tracing::Log;
use super::upstream::Upstream;
use super::upstream::script::Script;
use crate::server::commands::{self, Terminal};
use crate::server::settings::{Command, Settings};
use clap::Parser;

/// The command's output for this file, and whether it succeeded.
async fn run(command: &str, folder: &Folder, toml: &str) -> (String, bool) {
    let path = folder.0.join("rivulet.toml");
    std::fs::write(&path, toml).unwrap();
    std::fs::write(folder.0.join("key"), "key-of-the-test").unwrap();
    let settings = Settings::parse_from(["rivulet", &format!("--config={}", path.display()), command]);
    let (out, well) = typed(&settings, "").await;
    (out, well.unwrap())
}

/// What a command prints when this is typed into it, and whether it succeeded.
pub(super) async fn typed(settings: &Settings, input: &str) -> (String, anyhow::Result<bool>) {
    let (mut input, mut out, mut messages) = (input.as_bytes(), Vec::new(), Vec::new());
    let mut terminal = Terminal { input: &mut input, out: &mut out, messages: &mut messages, is_screen: false };
    let well = commands::run(settings.command.clone().unwrap(), settings, &mut terminal).await;
    out.extend(messages);
    (String::from_utf8(out).unwrap(), well)
}

/// The table of a provider that has a model and a key.
fn provider(name: &str, url: &str, folder: &Folder) -> String {
    let key = folder.0.join("key");
    format!(
        "[providers.{name}]\nkind = \"openai\"\nbase_url = \"{url}\"\nkey_file = \"{}\"\nmodels = [{{ id = \"m-{name}\" }}]\n",
        key.display()
    )
}

fn line<'a>(out: &'a str, name: &str) -> &'a str {
    out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} is not in:\n{out}"))
}

#[tokio::test]
async fn models_are_listed_with_what_is_known_of_them() {
    let folder = Folder::new();
    let toml = r#"
        [providers.work]
        kind = "anthropic"
        models = [
            { id = "a", name = "Ah", context = 200000, price = { input = 2, output = 0.5 } },
            { id = "long-name" },
        ]
    "#;
    let (out, well) = run("models", &folder, toml).await;
    let expected = "\
ID              NAME          PROVIDER  CONTEXT  PRICE IN/OUT
work/a          Ah (default)  work      200000   2 / 0.5
work/long-name  long-name     work      -        -
";
    assert!(well);
    assert_eq!(out, expected);
}

#[tokio::test]
async fn check_says_of_each_provider_what_to_change_and_repeats_no_key_and_no_prompt() {
    let (log, _guard) = Log::capture();
    let folder = Folder::new();
    let (fine, key, model, html) =
        (Upstream::start().await, Upstream::start().await, Upstream::start().await, Upstream::start().await);
    let says = |status: u16, message: &str| Script {
        status: Some(status),
        error_message: Some(message.into()),
        ..Script::default()
    };
    key.script(says(401, "Incorrect API key provided: key-of-the-test."));
    model.script(says(404, "The model does not exist. You said: Answer with the word yes and nothing else."));
    let content_type = Some("text/html".to_owned());
    html.script(Script { status: Some(200), body: Some("<h1>Sign in</h1>".into()), content_type, ..Script::default() });
    let urls = [
        ("fine", fine.url().to_owned() + "/v1"),
        ("key", key.url().to_owned() + "/v1"),
        ("model", model.url().to_owned() + "/v1"),
        ("html", html.url().to_owned() + "/v1"),
        ("dead", "http://127.0.0.1:9/v1".to_owned()),
        ("tls", tls::server()),
    ];
    let mut toml: String = urls.iter().map(|(name, url)| provider(name, url, &folder)).collect();
    toml += "[providers.bare]\nkind = \"ollama\"\n";
    let (out, well) = run("check", &folder, &toml).await;
    assert!(!well);
    assert!(line(&out, "fine").contains("ok") && line(&out, "fine").contains("m-fine answered in"), "{out}");
    let expected = [
        ("key", "Check that the key of [providers.key] in rivulet.toml is valid"),
        ("model", "does not know this model. Choose another one"),
        ("html", "Check that base_url of [providers.html] in rivulet.toml names the API's address"),
        ("dead", "cannot be reached. Check base_url of [providers.dead]"),
        ("tls", "certificate is not one that the server trusts"),
        ("bare", "Set RIVULET_MODEL=bare/"),
    ];
    for (name, sentence) in expected {
        let line = line(&out, name);
        assert!(line.contains("failed") && line.contains(sentence), "{name}: {line}");
    }
    for told in [out, log.text()] {
        for secret in ["key-of-the-test", "the word yes", "<h1>"] {
            assert!(!told.contains(secret), "{secret} in: {told}");
        }
    }
    for upstream in [fine, key, model, html] {
        assert_eq!(upstream.seen().len(), 1, "each is asked once");
    }
}

#[tokio::test]
async fn check_is_content_when_all_answer_and_not_when_there_is_nobody_to_ask() {
    let (folder, upstream) = (Folder::new(), Upstream::start().await);
    let toml = provider("a", &(upstream.url().to_owned() + "/v1"), &folder);
    assert!(run("check", &folder, &toml).await.1);
    let (out, well) = run("check", &folder, "").await;
    assert!(!well && out.contains("ANTHROPIC_API_KEY"), "{out}");
}

#[test]
fn without_a_command_the_program_serves() {
    assert_eq!(Settings::parse_from(["rivulet"]).command, None);
    assert_eq!(Settings::parse_from(["rivulet", "check"]).command, Some(Command::Check));
}
