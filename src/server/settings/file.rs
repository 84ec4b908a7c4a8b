//! `rivulet.toml`: any number of named providers. An error names the file and the line.

use crate::server::nul;
use crate::server::provider::{self, Dialect, Endpoint, Kind, LimitName, Listed, Origin, Parameters, Price};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use toml::{Spanned, Table};

/// A list of models is small; a larger file is not one.
const MAX_BYTES: u64 = 1 << 20;
/// The name of the built-in tour's provider.
const TAKEN: &str = "demo";

/// The file's providers, in its order.
///
/// # Errors
/// One line that names the file, the line in it and what is expected.
pub(super) fn read(path: &Path) -> Result<Vec<Endpoint>, String> {
    let shown = path.display();
    let text = text(path).map_err(|why| format!("{shown}: {why}"))?;
    let environment = |name: &str| std::env::var(name).ok();
    parse(&text, environment).map_err(|fault| format!("{shown}:{}: {}", fault.line(&text), fault.why))
}

fn text(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| format!("it cannot be read: {error}"))?.len();
    if MAX_BYTES < length {
        return Err(format!("expected at most {MAX_BYTES} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))
}

/// The problem, and its position.
#[derive(Debug)]
struct Fault {
    at: Range<usize>,
    why: String,
}

impl Fault {
    fn at<T>(place: &Spanned<T>, why: impl Into<String>) -> Self {
        Self { at: place.span(), why: why.into() }
    }

    fn line(&self, text: &str) -> usize {
        text.bytes().take(self.at.start).filter(|byte| *byte == b'\n').count() + 1
    }
}

impl From<toml::de::Error> for Fault {
    fn from(error: toml::de::Error) -> Self {
        Self { at: error.span().unwrap_or_default(), why: error.message().replace('\n', "; ") }
    }
}

fn parse(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Vec<Endpoint>, Fault> {
    let File { providers } = toml::from_str(text)?;
    let mut providers: Vec<_> = providers.into_iter().collect();
    providers.sort_by_key(|(name, _)| name.span().start);
    providers.into_iter().map(|(name, provider)| provider.endpoint(&name, &environment)).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    providers: BTreeMap<Spanned<String>, Provider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    kind: Kind,
    base_url: Option<Spanned<String>>,
    key_env: Option<Spanned<String>>,
    key_file: Option<Spanned<String>>,
    parameters: Option<Spanned<Table>>,
    longest_reply: Option<Spanned<LimitName>>,
    leave_out: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    models: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    id: Spanned<String>,
    name: Option<String>,
    context: Option<Spanned<u64>>,
    price: Option<Spanned<Cost>>,
    images: Option<bool>,
    fallback: Option<String>,
    parameters: Option<Spanned<Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    input: f64,
    output: f64,
}

impl Provider {
    fn endpoint(self, name: &Spanned<String>, environment: impl Fn(&str) -> Option<String>) -> Result<Endpoint, Fault> {
        check_name(name)?;
        let kind = self.kind;
        let key = self.key(environment)?;
        let dialect = self.dialect()?;
        let base_url = match &self.base_url {
            Some(url) => provider::address(url.get_ref()).map_err(|why| Fault::at(url, format!("base_url: {why}")))?,
            None => kind.base_url().to_owned(),
        };
        let parameters = parameters(self.parameters, kind)?;
        let models = self.models.into_iter().map(|model| model.listed(kind)).collect::<Result<_, _>>()?;
        Ok(Endpoint { origin: Origin::file(name.get_ref()), kind, key, base_url, parameters, dialect, models })
    }

    fn dialect(&self) -> Result<Dialect, Fault> {
        let longest_reply = self.longest_reply.as_ref();
        if let Some(name) = longest_reply.filter(|_| self.kind != Kind::OpenAi) {
            return Err(Fault::at(
                name,
                "longest_reply: expected only where kind = \"openai\"; others have one name for it",
            ));
        }
        let leave_out = self.leave_out.iter().flat_map(|names| names.get_ref()).cloned().collect();
        let additions = self.kind.additions();
        if let Some(names) = &self.leave_out
            && names.get_ref().iter().any(|name| !additions.contains(&name.as_str()))
        {
            let why = match additions {
                [] => "leave_out: Rivulet adds nothing to requests of this kind".to_owned(),
                _ => {
                    format!("leave_out: expected what Rivulet adds to requests of this kind: {}", additions.join(", "))
                }
            };
            return Err(Fault::at(names, why));
        }
        Ok(Dialect { longest_reply: longest_reply.map(|name| *name.get_ref()), leave_out })
    }

    fn key(&self, environment: impl Fn(&str) -> Option<String>) -> Result<Option<SecretString>, Fault> {
        let (place, key) = match (&self.key_env, &self.key_file) {
            (Some(_), Some(file)) => return Err(Fault::at(file, "expected key_env or key_file, not both")),
            (Some(variable), None) => {
                let why = || Fault::at(variable, format!("key_env: {} is not set", variable.get_ref()));
                (variable, environment(variable.get_ref()).ok_or_else(why)?)
            }
            (None, Some(file)) => {
                let why = |error| Fault::at(file, format!("key_file: {} cannot be read: {error}", file.get_ref()));
                (file, std::fs::read_to_string(file.get_ref()).map_err(why)?)
            }
            (None, None) => return Ok(None),
        };
        let key = key.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Fault::at(place, "expected a key of printable characters there, on one line"));
        }
        Ok(Some(key.into()))
    }
}

fn check_name(name: &Spanned<String>) -> Result<(), Fault> {
    let text = name.get_ref();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text == TAKEN || text.is_empty() || !text.bytes().all(plain) {
        let why = format!("expected a provider's name of letters, digits, - _ and ., other than {TAKEN}");
        return Err(Fault::at(name, why));
    }
    Ok(())
}

impl Model {
    fn listed(self, kind: Kind) -> Result<Listed, Fault> {
        if self.id.get_ref().trim().is_empty() || nul::is_in(self.id.get_ref()) {
            return Err(Fault::at(&self.id, "id: expected the model's id at its provider"));
        }
        if let Some(context) = self.context.as_ref().filter(|context| *context.get_ref() == 0) {
            return Err(Fault::at(context, "context: expected a number of tokens"));
        }
        let price = self.price.map(|price| cost(&price)).transpose()?;
        Ok(Listed {
            id: self.id.into_inner(),
            asked_as: None,
            name: self.name,
            context: self.context.map(Spanned::into_inner),
            price,
            images: self.images,
            fallback: self.fallback,
            parameters: parameters(self.parameters, kind)?,
        })
    }
}

fn cost(price: &Spanned<Cost>) -> Result<Price, Fault> {
    let &Cost { input, output } = price.get_ref();
    let fine = |amount: f64| amount.is_finite() && 0.0 <= amount;
    if !fine(input) || !fine(output) {
        return Err(Fault::at(price, "price: expected the price of a million tokens, 0 or more"));
    }
    Ok(Price { input, output })
}

/// Parameters are passed through, except those that Rivulet itself has to set.
fn parameters(table: Option<Spanned<Table>>, kind: Kind) -> Result<Parameters, Fault> {
    let Some(table) = table else { return Ok(Parameters::new()) };
    if let Some(own) = kind.reserved().iter().find(|name| table.get_ref().contains_key(**name)) {
        return Err(Fault::at(&table, format!("parameters: {own} is Rivulet's own and cannot be set")));
    }
    let json = table.get_ref().iter().map(|(name, value)| Some((name.clone(), json(value)?))).collect::<Option<_>>();
    json.ok_or_else(|| Fault::at(&table, "parameters: JSON has no dates, no infinity and no nan; quote them"))
}

/// The value as requests have it; none where JSON has no such value.
fn json(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(*number)?.into(),
        toml::Value::Boolean(yes) => (*yes).into(),
        toml::Value::Datetime(_) => return None,
        toml::Value::Array(values) => values.iter().map(json).collect::<Option<Vec<_>>>()?.into(),
        toml::Value::Table(table) => {
            let members = table.iter().map(|(name, value)| Some((name.clone(), json(value)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
    })
}
