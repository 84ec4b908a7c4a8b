//! What statements bind: the few kinds of values that a column can hold.

use sqlx::Arguments;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use std::sync::Arc;

/// A value of a statement. A copy shares the text, so that a batch can be run again.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(Option<Arc<str>>),
    Int(Option<i64>),
    Bool(Option<bool>),
    Bytes(Option<Arc<[u8]>>),
}

impl Value {
    pub(super) fn to_sqlite(&self, arguments: &mut SqliteArguments) -> Result<(), BoxDynError> {
        match self {
            Self::Text(text) => arguments.add(text.clone()),
            Self::Int(number) => arguments.add(*number),
            Self::Bool(is) => arguments.add(*is),
            Self::Bytes(bytes) => arguments.add(bytes.clone()),
        }
    }

    pub(super) fn to_postgres(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        match self {
            Self::Text(text) => arguments.add(text.as_deref()),
            Self::Int(number) => arguments.add(*number),
            Self::Bool(is) => arguments.add(*is),
            Self::Bytes(bytes) => arguments.add(bytes.as_deref()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(Into::into))
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        text.as_deref().into()
    }
}

impl From<Option<&String>> for Value {
    fn from(text: Option<&String>) -> Self {
        text.map(String::as_str).into()
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Into::into))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(is: bool) -> Self {
        Self::Bool(Some(is))
    }
}

impl From<Option<bool>> for Value {
    fn from(is: Option<bool>) -> Self {
        Self::Bool(is)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(Some(bytes.into()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Some(bytes.into()))
    }
}
