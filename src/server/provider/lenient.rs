//! Members of JSON as model APIs really send them: null, a number in place of text, an object in an unexpected place.
//! Pure.
//!
//! None of these types refuses a value: what it cannot read is absent. So one odd member never fails a reply, and a
//! missing member is judged where its purpose is known.

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// How a type reads each kind of JSON value; absent, unless it says otherwise.
trait Lenient<'de>: Default {
    fn text(_text: &str) -> Self {
        Self::default()
    }

    fn boolean(_value: bool) -> Self {
        Self::default()
    }

    fn whole(_number: u64) -> Self {
        Self::default()
    }

    fn negative(_number: i64) -> Self {
        Self::default()
    }

    fn fraction<E: de::Error>() -> Result<Self, E> {
        Ok(Self::default())
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

struct Reading<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for Reading<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        Ok(T::boolean(value))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        Ok(T::whole(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        Ok(u64::try_from(number).map_or_else(|_| T::negative(number), T::whole))
    }

    fn visit_f64<E: de::Error>(self, _number: f64) -> Result<T, E> {
        T::fraction()
    }

    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::object(object)
    }
}

fn read<'de, T: Lenient<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Reading(PhantomData))
}

/// Text. A number or a boolean is read as its notation; lists and objects are absent.
#[derive(Debug, Default)]
pub(super) struct Text(pub(super) String);

impl<'de> Lenient<'de> for Text {
    fn text(text: &str) -> Self {
        Self(text.to_owned())
    }

    fn boolean(value: bool) -> Self {
        Self(value.to_string())
    }

    fn whole(number: u64) -> Self {
        Self(number.to_string())
    }

    fn negative(number: i64) -> Self {
        Self(number.to_string())
    }

    /// Its notation is lost by now: [`super::json::parse`] then reads it as text.
    fn fraction<E: de::Error>() -> Result<Self, E> {
        Err(E::custom("a number with a fraction is text here"))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// Text that is not blank.
#[derive(Debug, Default)]
pub(super) struct Word(pub(super) Option<String>);

impl<'de> Lenient<'de> for Word {
    fn text(text: &str) -> Self {
        let text = text.trim();
        Self((!text.is_empty()).then(|| text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// A count: a whole number from 0 on. Anything else is 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count(pub(super) Option<u64>);

impl Count {
    pub(super) fn or_zero(self) -> u64 {
        self.0.unwrap_or(0)
    }
}

impl<'de> Lenient<'de> for Count {
    fn whole(number: u64) -> Self {
        Self(Some(number))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// A flag: only `true` sets it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Lenient<'de> for Flag {
    fn boolean(value: bool) -> Self {
        Self(value)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// One of the names that a format has, such as an event's type, without a copy of it.
#[derive(Debug)]
pub(super) struct Name<T>(pub(super) Option<T>);

impl<T> Default for Name<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: for<'a> From<&'a str>> Lenient<'de> for Name<T> {
    fn text(text: &str) -> Self {
        Self(Some(text.into()))
    }
}

impl<'de, T: for<'a> From<&'a str>> Deserialize<'de> for Name<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// An object.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for Object<T> {
    fn object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|object| Self(Some(object)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// The objects of a list; none where there is no list.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Option<Vec<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> List<T> {
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.0.unwrap_or_default().into_iter()
    }

    pub(super) fn items(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for List<T> {
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut objects = Vec::new();
        while let Some(Object(object)) = list.next_element()? {
            objects.extend(object);
        }
        Ok(Self(Some(objects)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// A message's content: text, or a list of parts; a single part is read as a list of one.
#[derive(Debug)]
pub(super) enum Content<P> {
    Text(String),
    Parts(Vec<P>),
}

impl<P> Default for Content<P> {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl<'de, P: Deserialize<'de>> Lenient<'de> for Content<P> {
    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn boolean(value: bool) -> Self {
        Self::Text(value.to_string())
    }

    fn whole(number: u64) -> Self {
        Self::Text(number.to_string())
    }

    fn negative(number: i64) -> Self {
        Self::Text(number.to_string())
    }

    fn fraction<E: de::Error>() -> Result<Self, E> {
        Text::fraction().map(|Text(text)| Self::Text(text))
    }

    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        List::list(list).map(|List(parts)| Self::Parts(parts.unwrap_or_default()))
    }

    fn object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        Object::object(object).map(|Object(part)| Self::Parts(part.into_iter().collect()))
    }
}

impl<'de, P: Deserialize<'de>> Deserialize<'de> for Content<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// An object of which only its presence matters.
#[derive(serde::Deserialize, Debug)]
pub(super) struct Thing {}
