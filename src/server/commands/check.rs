//! `rivulet check`: asks every provider one small question and prints the outcome.

use super::table;
use crate::model::{Parameters, Role};
use crate::server::provider::{Delta, Providers, Request, Turn};
use futures::StreamExt;
use futures::future::join_all;
use std::io::Write;
use std::time::{Duration, Instant};

/// The smallest limit on an answer's tokens.
const QUESTION: &str = "Answer with the word yes and nothing else.";

/// The outcome of one question.
struct Finding {
    provider: String,
    /// What happened, or what to change.
    told: Result<String, String>,
}

/// True when all providers answered.
pub(super) async fn run(providers: &Providers, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    let names = providers.names();
    if names.is_empty() {
        writeln!(
            out,
            "No provider is configured. Set a provider's key, such as ANTHROPIC_API_KEY, or write a rivulet.toml."
        )?;
        return Ok(false);
    }
    let findings = join_all(names.into_iter().map(|name| ask(providers, name))).await;
    let row = |finding: &Finding| {
        let (state, told) = match &finding.told {
            Ok(told) => ("ok", told),
            Err(told) => ("failed", told),
        };
        [finding.provider.clone(), state.to_owned(), told.clone()]
    };
    table::write(out, &findings.iter().map(row).collect::<Vec<_>>())?;
    Ok(findings.iter().all(|finding| finding.told.is_ok()))
}

/// Asks the provider's first model.
async fn ask(providers: &Providers, provider: String) -> Finding {
    let told = match providers.model_of(&provider) {
        Some(model) => answer(providers, &model).await,
        None => Err(format!(
            "None of its models is known, so it was not asked. Set RIVULET_MODEL={provider}/ with a model's id behind the \
             slash, or list its models in rivulet.toml."
        )),
    };
    Finding { provider, told }
}

async fn answer(providers: &Providers, id: &str) -> Result<String, String> {
    let model = id.split_once('/').map_or(id, |(_, model)| model);
    let question = Turn::said(Role::User, QUESTION);
    let request = Request {
        model: model.to_owned(),
        system: String::new(),
        turns: vec![question],
        parameters: Parameters::default(),
    };
    let asked = Instant::now();
    let mut deltas = providers.reply_of(id, request);
    while let Some(delta) = deltas.next().await {
        match delta {
            Delta::Finished { .. } => return Ok(format!("{model} answered in {}.", spoken(asked.elapsed()))),
            Delta::Failed(failure) => return Err(format!("{model}: {}", failure.message)),
            Delta::Started { .. } | Delta::Waiting { .. } | Delta::Thinking(_) | Delta::Text(_) | Delta::Usage(_) => {}
        }
    }
    Err(format!("{model}: the answer broke off."))
}

fn spoken(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
