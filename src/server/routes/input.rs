//! Request extractors, with rejections that are problems.

use crate::contract::object::Object;
use crate::error::Problem;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path as AxumPath, Request};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::str::FromStr;

/// A JSON body: always an object.
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let axum::Json(Object(body)) = axum::Json::<Object<T>>::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// A query string.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(super) struct Query<T>(pub(super) T);

/// A form's fields.
#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(Problem))]
pub(super) struct Form<T>(pub(super) T);

/// The id in a URL. An invalid id answers 404.
pub(super) struct Id<T>(pub(super) T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let AxumPath(id) = AxumPath::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::NotFound)?;
        id.parse().map(Self).map_err(|_| Problem::NotFound)
    }
}

/// Two ids in a URL.
pub(super) struct Ids<T, U>(pub(super) T, pub(super) U);

impl<S: Send + Sync, T: FromStr, U: FromStr> FromRequestParts<S> for Ids<T, U> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let ids = AxumPath::<(String, String)>::from_request_parts(parts, state).await;
        let AxumPath((one, other)) = ids.map_err(|_| Problem::NotFound)?;
        Ok(Self(one.parse().map_err(|_| Problem::NotFound)?, other.parse().map_err(|_| Problem::NotFound)?))
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

/// Where to redirect: a local path. Anything else (another site, a script) becomes the start page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(super) struct Local(String);

/// Our paths are short.
const LONGEST_PATH: usize = 200;

impl Local {
    pub(super) fn to(path: &str) -> Self {
        // Only characters that need no escape in a URL: no query, no second slash that would begin a host.
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
        let fits = path.len() <= LONGEST_PATH && path.chars().all(plain);
        let local = path.starts_with('/') && !path.contains("//");
        Self(if fits && local { path.to_owned() } else { "/".into() })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Local {
    fn default() -> Self {
        Self::to("/")
    }
}

impl From<String> for Local {
    fn from(path: String) -> Self {
        Self::to(&path)
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a47_the_way_on_is_a_path_of_ours() {
        for bad in [
            "",
            "//evil.com",
            "/\\evil.com",
            "\\\\evil.com",
            "javascript:alert(1)",
            "https://evil.com",
            "/a//evil.com",
            "/%2f/evil.com",
            "/\t/evil.com",
            "/\n/evil.com",
            "/a?next=//evil.com",
            "evil.com",
            "/a\0",
            "/é",
        ] {
            assert_eq!(Local::to(bad).as_str(), "/", "{bad:?}");
        }
        for good in ["/", "/account", "/c/0190c0de-0000-7000-8000-000000000000", "/admin/accounts"] {
            assert_eq!(Local::to(good).as_str(), good);
        }
    }
}
