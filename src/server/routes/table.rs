//! Routes that are told as well as served: a test asks each of them who may see what, so that none can be forgotten.

use crate::server::State;
use axum::Router;
use axum::routing::MethodRouter;

/// The routes of one kind. Every route of ours is added here and not to a router.
#[derive(Default)]
pub(super) struct Table {
    router: Router<State>,
    paths: Vec<&'static str>,
}

impl Table {
    pub(super) fn route(mut self, path: &'static str, handlers: MethodRouter<State>) -> Self {
        self.paths.push(path);
        Self { router: self.router.route(path, handlers), paths: self.paths }
    }

    pub(super) fn paths(&self) -> &[&'static str] {
        &self.paths
    }

    pub(super) fn into_router(self) -> Router<State> {
        self.router
    }
}
