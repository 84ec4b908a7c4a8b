//! Routes that are listed as well as served: a test checks access to each of them, so that none can be forgotten, and
//! those of the API describe themselves.

use crate::server::State;
use axum::Router;
use axum::routing::MethodRouter;
use utoipa::openapi::path::Paths;
use utoipa::openapi::{RefOr, Schema};
use utoipa_axum::router::UtoipaMethodRouter;

/// The routes of one kind. Every route of ours is added here and not to a router.
#[derive(Default)]
pub(super) struct Table {
    router: Router<State>,
    paths: Vec<String>,
    described: Description,
}

/// The handlers' descriptions of a table.
#[derive(Default)]
pub(super) struct Description {
    pub(super) paths: Paths,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

impl Table {
    pub(super) fn route(mut self, path: &str, handlers: MethodRouter<State>) -> Self {
        self.paths.push(path.to_owned());
        Self { router: self.router.route(path, handlers), ..self }
    }

    /// A route of the API, by `routes!` of handlers that declare their path, method and answers (`#[utoipa::path]`).
    pub(super) fn described(mut self, (schemas, paths, handlers): UtoipaMethodRouter<State>) -> Self {
        let path = paths.paths.keys().next().cloned().expect("routes! takes at least one handler");
        self.described.paths.merge(paths);
        self.described.schemas.extend(schemas);
        self.route(&path, handlers)
    }

    pub(super) fn into_parts(self) -> (Router<State>, Vec<String>, Description) {
        (self.router, self.paths, self.described)
    }
}
