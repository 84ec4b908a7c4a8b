//! Spans in OTLP's JSON encoding: ids in hexadecimal, whole numbers of 64 bits as text. Names follow OpenTelemetry's conventions
//! where those have one.

use super::span::{Fields, Finished, Said, Value};
use serde_json::{Value as Json, json};

/// `SPAN_KIND_INTERNAL`, `SPAN_KIND_SERVER`, `STATUS_CODE_ERROR` of the protocol.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const ERROR: u8 = 2;
/// From this status on an answer is the server's fault.
const SERVER_FAULT: i64 = 500;

/// The body of one request to the collector.
pub(super) fn request(spans: &[Finished]) -> Json {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [("service.name", "rivulet"), ("service.version", version)];
    let resource: Vec<_> = resource.map(|(name, text)| attribute(name, &Value::Text(text.into()))).into();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{
            "scope": { "name": "rivulet", "version": version },
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }] })
}

fn span(span: &Finished) -> Json {
    let mut told = json!({
        "traceId": format!("{:032x}", span.trace),
        "spanId": format!("{:016x}", span.id),
        "name": span.name,
        "kind": if span.name == "request" { SERVER } else { INTERNAL },
        "startTimeUnixNano": span.begun.to_string(),
        "endTimeUnixNano": span.ended.to_string(),
        "attributes": attributes(span.name, &span.fields),
        "events": span.said.iter().map(event).collect::<Vec<_>>(),
    });
    if let Some(parent) = span.parent {
        told["parentSpanId"] = format!("{parent:016x}").into();
    }
    if span.failed || is_fault(&span.fields) {
        told["status"] = json!({ "code": ERROR });
    }
    told
}

fn is_fault(fields: &Fields) -> bool {
    fields.iter().any(|(name, value)| matches!(value, Value::Whole(code) if *name == "status" && SERVER_FAULT <= *code))
}

fn event(said: &Said) -> Json {
    json!({
        "timeUnixNano": said.at.to_string(),
        "name": said.words,
        "attributes": attributes("", &said.fields),
    })
}

fn attributes(span: &str, fields: &Fields) -> Vec<Json> {
    fields.iter().map(|(name, value)| attribute(&known(span, name), value)).collect()
}

/// A field's name outside.
fn known(span: &str, field: &str) -> String {
    match (span, field) {
        ("request", "method") => "http.request.method".into(),
        ("request", "path") => "url.path".into(),
        ("request", "status") => "http.response.status_code".into(),
        ("request" | "reply", "id") => format!("rivulet.{span}"),
        (_, "model") => "gen_ai.request.model".into(),
        (_, field) => format!("rivulet.{field}"),
    }
}

fn attribute(name: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Whole(number) => json!({ "intValue": number.to_string() }),
        Value::Truth(truth) => json!({ "boolValue": truth }),
        // A number that is none has no form in JSON.
        Value::Number(number) if !number.is_finite() => json!({ "stringValue": number.to_string() }),
        Value::Number(number) => json!({ "doubleValue": number }),
    };
    json!({ "key": name, "value": value })
}
