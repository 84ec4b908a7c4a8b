//! The API's description as a page: Markdown written from the OpenAPI document, and drawn like a reply.

use super::{Sheet, Width};
use crate::server::highlight;
use crate::server::html::Notice;
use leptos::prelude::*;
use serde_json::{Map, Value};
use std::fmt::Write;
use utoipa::openapi::OpenApi;

/// The methods, in reading order.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

pub fn page(document: &OpenApi) -> Sheet {
    let document = serde_json::to_value(document).unwrap_or_default();
    let tags: Vec<_> = items(&document["tags"]).map(|tag| (text(&tag["name"]), text(&tag["description"]))).collect();
    let links =
        tags.iter().map(|(name, _)| view! { <li><a href=format!("#{name}")>{title(name)}</a></li> }).collect_view();
    let sections = tags.iter().map(|(name, about)| section(name, about, &operations(&document, name))).collect_view();
    let schemas = schemas(&document);
    let body = view! {
        <div class="prose" inner_html=highlight::render(text(&document["info"]["description"]))></div>
        <p><a href="/api/v1/openapi.json">"The OpenAPI 3.1 document"</a>" for programs that read it."</p>
        <nav class="tabs" aria-label="What the API is about"><ul>{links}<li><a href="#problems">"Problems"</a></li><li><a href="#schemas">"Schemas"</a></li></ul></nav>
        {sections}
        {section("problems", "Every one is a `Problem`, with a sentence that says what to do.", &problems(&document))}
        {section("schemas", "What is sent and answered, as JSON.", &schemas)}
    };
    let title = "The API".into();
    Sheet { title, width: Width::Broad, owner: None, said: Notice::default(), fields: &[], body: body.into_any() }
}

fn section(name: &str, about: &str, content: &str) -> impl IntoView + use<> {
    let (id, head) = (name.to_owned(), title(name));
    let html = highlight::render(&format!("{about}\n\n{content}"));
    view! {
        <section id=id>
            <h2>{head}</h2>
            <div class="prose scroll" inner_html=html></div>
        </section>
    }
}

/// The operations of a tag.
fn operations(document: &Value, tag: &str) -> String {
    let mut page = String::new();
    for (path, item) in entries(&document["paths"]) {
        for method in METHODS {
            let operation = &item[method];
            if operation["tags"].get(0).is_some_and(|first| first == tag) {
                describe(&mut page, path, method, operation);
            }
        }
    }
    page
}

/// Writing to a string does not fail.
fn describe(page: &mut String, path: &str, method: &str, operation: &Value) {
    let _ = writeln!(page, "# {}\n", text(&operation["summary"]));
    let _ = writeln!(page, "`{} {path}`\n\n{}\n", method.to_uppercase(), text(&operation["description"]));
    for parameter in items(&operation["parameters"]).filter(|parameter| parameter["in"] != "path") {
        let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
        let (kind, about) = (kind(&parameter["schema"]), text(&parameter["description"]));
        let _ = writeln!(page, "- `{name}` in the {place}: {kind}. {about}");
    }
    for (media_type, content) in entries(&operation["requestBody"]["content"]) {
        let _ = writeln!(page, "- the body, `{media_type}`: {}", kind(&content["schema"]));
    }
    let (problems, answers): (Vec<_>, Vec<_>) =
        entries(&operation["responses"]).partition(|(_, answer)| answer["$ref"].is_string());
    for (status, answer) in answers {
        let _ = writeln!(page, "- answers {status}: {}", answered(answer));
    }
    let problems: Vec<_> = problems.into_iter().map(|(status, _)| status.as_str()).collect();
    let _ = writeln!(page, "- or a problem: {}\n", problems.join(", "));
}

fn answered(answer: &Value) -> String {
    let kinds: Vec<_> =
        entries(&answer["content"]).map(|(media, it)| format!("`{media}`, {}", kind(&it["schema"]))).collect();
    let words = [text(&answer["description"]).to_owned(), kinds.join(" or ")];
    words.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(": ")
}

/// When each problem is returned.
fn problems(document: &Value) -> String {
    let mut page = String::from("| Problem | When |\n|---|---|\n");
    for (name, problem) in entries(&document["components"]["responses"]) {
        let _ = writeln!(page, "| {name} | {} |", cell(text(&problem["description"])));
    }
    page
}

fn schemas(document: &Value) -> String {
    let mut page = String::new();
    for (name, schema) in entries(&document["components"]["schemas"]) {
        let _ = writeln!(page, "# {name}\n\n{}\n", text(&schema["description"]));
        let variants: Vec<_> = items(&schema["oneOf"]).collect();
        match variants.is_empty() {
            true => fields(&mut page, schema),
            false => variants.into_iter().for_each(|variant| {
                let _ = writeln!(page, "{}\n", text(&variant["description"]));
                fields(&mut page, variant);
            }),
        }
    }
    page
}

fn fields(page: &mut String, schema: &Value) {
    // A schema composed of several parts is shown as one.
    let parts: Vec<_> = items(&schema["allOf"]).chain([schema]).collect();
    let known: Vec<_> = parts.iter().filter(|part| part["$ref"].is_string()).map(|part| kind(part)).collect();
    if !known.is_empty() {
        let _ = writeln!(page, "All of {}, and\n", known.join(", "));
    }
    if parts.iter().all(|part| part["properties"].is_null()) {
        let _ = writeln!(page, "{}\n", kind(schema));
        return;
    }
    let _ = writeln!(page, "| Field | Kind | Meaning |\n|---|---|---|");
    for (name, field) in parts.iter().flat_map(|part| entries(&part["properties"])) {
        let _ = writeln!(page, "| `{name}` | {} | {} |", cell(&kind(field)), cell(text(&field["description"])));
    }
    page.push('\n');
}

/// The kind of a value, in a word or two.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return format!("`{}`", last(name));
    }
    for choice in ["oneOf", "anyOf"] {
        let kinds: Vec<_> = items(&schema[choice]).map(kind).collect();
        if !kinds.is_empty() {
            return kinds.join(" or ");
        }
    }
    let words: Vec<_> = items(&schema["enum"]).map(|word| format!("`{word}`")).collect();
    if !words.is_empty() {
        return words.join(", ");
    }
    let names = match &schema["type"] {
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        name => text(name).to_owned(),
    };
    match names.as_str() {
        "array" => format!("list of {}", kind(&schema["items"])),
        _ => [names.as_str(), text(&schema["format"])]
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn last(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// For a table, whose rows are single lines.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn title(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
