//! The API's description: an OpenAPI 3.1 document generated from the handlers, and a page to read it on.
//!
//! A handler declares its input and its success answers (`#[utoipa::path]`), and the problems of its own
//! ([`Conflicts`], [`Limited`]). The problems that follow from a request's shape are added here, once for all:
//! unauthenticated, not found, unreadable. A route of the API without a description fails a test.

mod problems;

pub(super) use problems::{Conflicts, Limited, Missing};

use super::table::Table;
use crate::event::Event;
use crate::server::html::{Sheet, reference};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::LazyLock;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::server::Server;
use utoipa::openapi::tag::Tag;
use utoipa::openapi::{
    Components, Info, License, ObjectBuilder, OpenApi, OpenApiBuilder, Paths, RefOr, Required, Schema,
};

/// The API's parts, in reading order.
const TAGS: [(&str, &str); 9] = [
    (
        "conversations",
        "A conversation is a tree of messages. Its snapshot has a `cursor`; its events continue from there.",
    ),
    ("messages", "Messages and replies: reading, sending, stopping, regenerating."),
    ("sharing", "Who else may read or write in a conversation, and invitation and public links."),
    ("chat", "A stateless chat: nothing is stored."),
    ("desk", "Sites, their visitors, and the people who answer there."),
    ("images", "Images that go with a message."),
    ("search", "All conversations of the account."),
    ("account", "The caller's account, its usage and tokens, and the models."),
    ("health", "For monitoring the server."),
];
const ABOUT: &str = "Send an API token (made on `/account`) as `Authorization: Bearer …`, or the cookie of a browser. Every \
    error is `application/problem+json` with a sentence in `detail`. Lists are `{\"items\",\"next\"}`: send `next` as `cursor` \
    for the following page, until it is null. Requests that create something take an `id` of yours (a UUID), \
    which makes them idempotent: a repeated one gets the first answer again.";

/// An event of a stream, field by field. OpenAPI 3.1 cannot describe a stream: this describes each of its events.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: events are written as they come")]
pub(super) struct StreamEvent {
    /// The event's cursor: a client that reconnects sends it as `Last-Event-ID`.
    id: Option<String>,
    /// Its type.
    event: String,
    /// JSON: an `Event` without its type.
    #[schema(content_media_type = "application/json")]
    data: String,
}

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(build);

pub(super) fn routes() -> Table {
    Table::default().route("/api/v1/openapi.json", get(json)).route("/api", get(page))
}

/// The document that describes the API.
pub fn document() -> &'static OpenApi {
    &DOCUMENT
}

async fn json() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let text = serde_json::to_string(document());
        text.expect("a document of strings and numbers is always valid JSON")
    });
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], TEXT.as_str())
}

async fn page() -> Sheet {
    reference::page(document())
}

fn build() -> OpenApi {
    let mut paths = Paths::new();
    let mut components = components();
    for table in super::identified_routes().into_iter().chain(super::open_routes()) {
        let (_, _, described) = table.into_parts();
        paths.merge(described.paths);
        components.schemas.extend(described.schemas);
    }
    for (path, item) in &mut paths.paths {
        operations(item).for_each(|operation| complete(path, operation));
    }
    let mut info = Info::new("Rivulet", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.into());
    info.license = Some(License::new("MIT OR Apache-2.0"));
    let either = |name: &str| SecurityRequirement::new::<_, _, String>(name, []);
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .tags(Some(TAGS.map(|(name, about)| {
            let mut tag = Tag::new(name);
            tag.description = Some(about.into());
            tag
        })))
        .security(Some(["bearer", "cookie"].map(either)))
        .paths(paths)
        .components(Some(components))
        .build()
}

/// What all operations share: authentication and problems. And the events, which no operation answers as JSON.
fn components() -> Components {
    let mut components = Components::new();
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let cookie = ApiKeyValue::with_description("rivulet", "Of a browser. Over HTTPS its name is `__Host-rivulet`.");
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let mut schemas = vec![(Event::name().into_owned(), <Event as utoipa::PartialSchema>::schema())];
    Event::schemas(&mut schemas);
    components.schemas.extend(schemas);
    problems::add_to(&mut components);
    components
}

pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Adds the problems that follow from the request's shape.
fn complete(path: &str, operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    let named = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(it) if it.parameter_in == ParameterIn::Path && it.name == "id");
    if path.contains("{id}") && !parameters.iter().any(named) {
        parameters.insert(0, RefOr::T(id()));
    }
    problems::add_usual(path, operation);
}

/// Almost all ids are UUIDs.
fn id() -> Parameter {
    let uuid = SchemaFormat::KnownFormat(KnownFormat::Uuid);
    let schema = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).format(Some(uuid)).build();
    ParameterBuilder::new()
        .name("id")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(Schema::Object(schema)))
        .build()
}
