//! Reading columns that Rivulet wrote itself.

use super::sql::Row;
use crate::model::{Access, AccountId, Image, Named};
use crate::server::secret::Hash;
use serde_json::Value;
use std::str::FromStr;

/// Reads an id that we wrote ourselves.
pub fn id<T: FromStr<Err = uuid::Error>>(text: &str) -> sqlx::Result<T> {
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Reads a hash that we wrote ourselves.
pub fn hash(text: &str) -> sqlx::Result<Hash> {
    Hash::parse(text).ok_or_else(|| sqlx::Error::Decode("no hash".into()))
}

/// Reads the images of a message.
pub fn images(json: &str) -> sqlx::Result<Vec<Image>> {
    serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// An account's name as others see it. A guest's name has the end of its id.
pub fn called(id: AccountId, name: Option<String>) -> Named {
    let name = name.unwrap_or_else(|| format!("guest {}", &id.to_string()[32..]));
    Named { id, name }
}

/// Reads a stored role or scope. One that this version does not know has the fewest rights.
pub fn access(name: &str) -> Access {
    [Access::Owner, Access::Participant].into_iter().find(|it| it.name() == name).unwrap_or(Access::Reader)
}

/// Columns of text as an object, each by its name.
pub(crate) fn texts(row: &Row, names: &[&str]) -> sqlx::Result<Value> {
    let text = |name: &&str| Ok(((*name).to_owned(), row.try_get::<Option<String>>(name)?.into()));
    names.iter().map(text).collect::<sqlx::Result<serde_json::Map<_, _>>>().map(Value::Object)
}
