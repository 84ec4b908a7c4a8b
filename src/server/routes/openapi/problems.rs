//! The descriptions of problem answers, shared by all operations.

use crate::error::{Document, PROBLEM_JSON};
use std::collections::BTreeMap;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Components, ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

/// Its name in the document, its status, and its description.
type Kind = (&'static str, &'static str, &'static str);

const MALFORMED: Kind = ("Malformed", "400", "The request cannot be read, or has two credentials.");
const UNKNOWN: Kind = ("Unknown", "401", "The caller is anonymous. Send a token, or a browser's cookie.");
const FORBIDDEN: Kind = ("Forbidden", "403", "The request is cross-site, or the token may not do this.");
const NOT_FOUND: Kind = ("NotFound", "404", "There is nothing here, or it is not yours to see.");
const CONFLICT: Kind = ("Conflict", "409", "It conflicts with the current state: the id is taken, for example.");
const TOO_LARGE: Kind = ("TooLarge", "413", "The request is too large.");
const UNSUPPORTED: Kind = ("Unsupported", "415", "The body is not of a kind that can be read.");
const INVALID: Kind = ("Invalid", "422", "A value is wrong; `field` names it.");
const TOO_MANY: Kind = ("TooMany", "429", "A limit on rate or usage is reached.");
const INTERNAL: Kind = ("Internal", "500", "Something went wrong on the server.");
const UNAVAILABLE: Kind = ("Unavailable", "503", "Not now: the server is busy, or shutting down.");
const ALL: [Kind; 11] = [
    MALFORMED,
    UNKNOWN,
    FORBIDDEN,
    NOT_FOUND,
    CONFLICT,
    TOO_LARGE,
    UNSUPPORTED,
    INVALID,
    TOO_MANY,
    INTERNAL,
    UNAVAILABLE,
];

/// For handlers that can conflict with existing state.
pub(in crate::server::routes) struct Conflicts;
/// For handlers with a rate or usage limit.
pub(in crate::server::routes) struct Limited;

impl IntoResponses for Conflicts {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [refer(CONFLICT)].into()
    }
}

impl IntoResponses for Limited {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [refer(TOO_MANY)].into()
    }
}

/// For handlers whose input names something besides the path.
pub(in crate::server::routes) struct Missing;

impl IntoResponses for Missing {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [refer(NOT_FOUND)].into()
    }
}

fn refer((name, status, _): Kind) -> (String, RefOr<Response>) {
    (status.into(), RefOr::Ref(Ref::from_response_name(name)))
}

pub(super) fn add_to(components: &mut Components) {
    components.schemas.insert(Document::name().into_owned(), Document::schema());
    for kind in ALL {
        components.responses.insert(kind.0.into(), RefOr::T(described(kind)));
    }
}

fn described(kind @ (.., when): Kind) -> Response {
    let content = ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name(Document::name())))).build();
    let answer = ResponseBuilder::new().description(when).content(PROBLEM_JSON, content);
    if kind != TOO_MANY && kind != UNAVAILABLE {
        return answer.build();
    }
    let mut wait =
        Header::new(ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(0)).build());
    wait.description = Some("Seconds to wait before retrying.".into());
    answer.header("Retry-After", wait).build()
}

/// The problems that follow from a request's shape.
pub(super) fn add_usual(path: &str, operation: &mut Operation) {
    let takes_query = operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
        RefOr::Ref(_) => false,
    });
    let takes_body = operation.request_body.is_some();
    let nobody = SecurityRequirement::default();
    let is_for_everybody = operation.security.as_ref().is_some_and(|ways| ways.contains(&nobody));
    let usual = [
        (MALFORMED, true),
        (UNKNOWN, !is_for_everybody),
        (FORBIDDEN, true),
        (NOT_FOUND, path.contains('{')),
        (TOO_LARGE, true),
        (UNSUPPORTED, takes_body),
        (INVALID, takes_body || takes_query),
        (INTERNAL, true),
        (UNAVAILABLE, true),
    ];
    let answers = &mut operation.responses.responses;
    for (kind, _) in usual.into_iter().filter(|(_, applies)| *applies) {
        let (status, answer) = refer(kind);
        answers.entry(status).or_insert(answer);
    }
    for (status, answer) in answers.iter_mut() {
        // The specification requires a description.
        if let RefOr::T(answer) = answer
            && answer.description.is_empty()
        {
            let status = status.parse().ok().and_then(|status| axum::http::StatusCode::from_u16(status).ok());
            answer.description = status.and_then(|status| status.canonical_reason()).unwrap_or("An answer").into();
        }
    }
}
