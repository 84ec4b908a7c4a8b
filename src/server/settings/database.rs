//! Where the database is.

use super::Settings;
use super::values;
use crate::server::backplane::redis::{Options, RedisUrl};
use crate::server::store::postgres;
use std::fmt;
use std::ops::Deref;

/// `DATABASE_URL`. It may have a password in it, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if postgres::is_meant(text) {
            postgres::options("DATABASE_URL", text).map_err(|error| error.to_string())?;
            return Ok(Self(text.to_owned()));
        }
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Self(text.to_owned())),
            _ => Err("DATABASE_URL expects sqlite: and a path, such as sqlite:data/rivulet.db, or \
                      postgres://USER:PASSWORD@HOST/DATABASE"
                .into()),
        }
    }

    /// Whether the database is one of PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        postgres::is_meant(self)
    }
}

impl Deref for DatabaseUrl {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DatabaseUrl")
    }
}

impl Settings {
    /// How Redis is connected to, where there is one.
    ///
    /// # Errors
    /// A sentence: the authority's certificate is none, or of no use.
    pub fn redis(&self) -> Result<Option<Options>, String> {
        let (url, prefix) = (self.redis_url.clone(), self.redis_prefix.clone());
        let url = match (url, &self.redis_ca) {
            (Some(url), Some(file)) => Some(values::trusting(url, file)?),
            (url, _) => url,
        };
        Ok(url.map(|url| Options { url, prefix }))
    }

    /// What this server shares with others, in a sentence for the log.
    pub fn mode(&self) -> String {
        let redis = self.redis_url.as_ref().map(RedisUrl::shown);
        let postgres = postgres::options("DATABASE_URL", &self.database_url).ok();
        let postgres = postgres.filter(|_| self.database_url.is_postgres()).map(|options| postgres::shown(&options));
        match (postgres, redis) {
            (None, None) => "The database is a file of this machine (SQLite), for this server alone".into(),
            (None, Some(redis)) => format!(
                "The database is a file of this machine (SQLite); by Redis ({redis}) another process on it, as during an update, \
                 shares live text, limits, stops and who is there"
            ),
            (Some(postgres), None) => format!(
                "The database is PostgreSQL ({postgres}); without REDIS_URL each node counts limits by itself, and shows what \
                 others write once a second"
            ),
            (Some(postgres), Some(redis)) => format!(
                "The database is PostgreSQL ({postgres}); by Redis ({redis}) all nodes share live text, limits, stops and who is \
                 there"
            ),
        }
    }
}
