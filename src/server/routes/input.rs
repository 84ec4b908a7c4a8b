//! What handlers take, with rejections that are problems.

use crate::error::Problem;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path as AxumPath};
use axum::http::request::Parts;
use std::str::FromStr;

/// A JSON body.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(super) struct Json<T>(pub(super) T);

/// A query string.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(super) struct Query<T>(pub(super) T);

/// A form's fields.
#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(Problem))]
pub(super) struct Form<T>(pub(super) T);

/// The id in an address. What is no id is simply not there.
pub(super) struct Id<T>(pub(super) T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let AxumPath(id) = AxumPath::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::NotFound)?;
        id.parse().map(Self).map_err(|_| Problem::NotFound)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::Malformed(rejection.body_text())
    }
}

impl From<FormRejection> for Problem {
    fn from(rejection: FormRejection) -> Self {
        Self::Malformed(rejection.body_text())
    }
}
