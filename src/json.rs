//! Reads JSON where its size counts: in the browser, from our own server.
//!
//! serde_json says in words what is wrong with a text, and reads structs from arrays as well. Together that is a tenth of
//! what a browser downloads, for answers that are not wrong. This reader says that a text cannot be read, and no more. On
//! the server, where requests come from anywhere, serde_json reads.

mod string;

use bytes::Bytes;
use serde::Serialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use server_fn::codec::Post;
use server_fn::{ContentType, Decodes, Encodes, Format, FormatType};
use std::fmt::Display;

/// The text is not JSON, or not of the type that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this JSON cannot be read")]
pub struct Unreadable;

impl Error for Unreadable {
    // The message is dropped, so that the code that would write it is never needed.
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

/// Reads one value, with nothing but blanks after it.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Unreadable> {
    let mut reader = Reader { rest: text };
    let value = T::deserialize(&mut reader)?;
    reader.peek().map_or(Ok(value), |_| Err(Unreadable))
}

/// How arguments and answers of server functions travel: serde_json's text, read by whichever reader is right here.
pub struct Encoding;

/// The codec of server functions.
pub type Json = Post<Encoding>;

impl ContentType for Encoding {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for Encoding {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for Encoding {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_vec(value).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for Encoding {
    type Error = String;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        if cfg!(target_family = "wasm") {
            return read(&bytes).map_err(|_| String::new());
        }
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
    }
}

/// A place in a text.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The next byte that is not a blank.
    fn peek(&mut self) -> Option<u8> {
        let blanks = self.rest.iter().take_while(|byte| matches!(**byte, b' ' | b'\n' | b'\r' | b'\t')).count();
        self.rest = self.rest.get(blanks..).unwrap_or_default();
        self.rest.first().copied()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Takes this byte, if it is the next.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.skip(1);
        }
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unreadable> {
        self.takes(byte).then_some(()).ok_or(Unreadable)
    }

    /// Takes this word, if the rest begins with it.
    fn takes_word(&mut self, word: &str) -> bool {
        let is_next = self.rest.starts_with(word.as_bytes());
        if is_next {
            self.skip(word.len());
        }
        is_next
    }

    /// The bytes of a number or a word: up to what cannot be in one.
    fn word(&mut self) -> &'a [u8] {
        self.peek();
        let is_in = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'+' | b'-' | b'.');
        let (word, rest) = self.rest.split_at(self.rest.iter().take_while(is_in).count());
        self.rest = rest;
        word
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        self.expect(b'"')?;
        let (text, read) = string::read(self.rest).ok_or(Unreadable)?;
        self.skip(read);
        Ok(text)
    }

    /// Passes over a value. Only its ends are looked for.
    fn pass(&mut self) -> Result<(), Unreadable> {
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or(Unreadable)? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.skip(1);
                    continue;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or(Unreadable)?;
                    self.skip(1);
                }
                b',' | b':' if 0 < depth => {
                    self.skip(1);
                    continue;
                }
                _ if self.word().is_empty() => return Err(Unreadable),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn whole(&mut self) -> Result<u64, Unreadable> {
        std::str::from_utf8(self.word()).ok().and_then(|digits| digits.parse().ok()).ok_or(Unreadable)
    }

    /// A decimal number, right to the last bit where it has at most fifteen digits, as every number that people type.
    fn decimal(&mut self) -> Result<f64, Unreadable> {
        let word = self.word();
        let (sign, digits) = word.strip_prefix(b"-").map_or((1.0, word), |digits| (-1.0, digits));
        let exponent = digits.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (digits, exponent) = digits.split_at(exponent.unwrap_or(digits.len()));
        let mut shift = match std::str::from_utf8(exponent.get(1..).unwrap_or_default()).unwrap_or("x") {
            "" => 0,
            exponent => exponent.parse::<i32>().map_err(|_| Unreadable)?,
        };
        let (mut number, mut is_behind_point) = (0.0, false);
        for byte in digits {
            match byte {
                b'.' if !is_behind_point => is_behind_point = true,
                b'0'..=b'9' => {
                    number = number * 10.0 + f64::from(byte - b'0');
                    shift -= i32::from(is_behind_point);
                }
                _ => return Err(Unreadable),
            }
        }
        let power = 10_f64.powi(shift.abs());
        digits
            .iter()
            .any(u8::is_ascii_digit)
            .then_some(sign * if shift < 0 { number / power } else { number * power })
            .ok_or(Unreadable)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'_> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.peek() {
            Some(b'"') => self.deserialize_string(visitor),
            Some(b'{') => self.deserialize_map(visitor),
            Some(b'[') => self.deserialize_seq(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            Some(b'n') => self.deserialize_unit(visitor),
            _ => self.deserialize_f64(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.word() {
            b"true" => visitor.visit_bool(true),
            b"false" => visitor.visit_bool(false),
            _ => Err(Unreadable),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u64(self.whole()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_f64(self.decimal()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_str(&self.string()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_string(self.string()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.peek();
        if self.takes_word("null") { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.peek();
        if self.takes_word("null") { visitor.visit_unit() } else { Err(Unreadable) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.expect(b'[')?;
        let value = visitor.visit_seq(Members { reader: &mut *self, is_first: true })?;
        self.expect(b']')?;
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.expect(b'{')?;
        let value = visitor.visit_map(Members { reader: &mut *self, is_first: true })?;
        self.expect(b'}')?;
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        if !self.takes(b'{') {
            return visitor.visit_enum(Variant { reader: self, has_value: false });
        }
        let value = visitor.visit_enum(Variant { reader: &mut *self, has_value: true })?;
        self.expect(b'}')?;
        Ok(value)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.pass()?;
        visitor.visit_unit()
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_u64(visitor)
    }

    // No type that the browser reads has any of these.
    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 char bytes byte_buf unit_struct tuple tuple_struct
    }
}

/// The members of an array or an object.
struct Members<'r, 'a> {
    reader: &'r mut Reader<'a>,
    is_first: bool,
}

impl Members<'_, '_> {
    /// Whether there is another one before `end`.
    fn has_next(&mut self, end: u8) -> Result<bool, Unreadable> {
        if self.reader.peek() == Some(end) {
            return Ok(false);
        }
        if !std::mem::take(&mut self.is_first) {
            self.reader.expect(b',')?;
        }
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Members<'_, '_> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unreadable> {
        if self.has_next(b']')? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Members<'_, '_> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unreadable> {
        if self.has_next(b'}')? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unreadable> {
        self.reader.expect(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// A variant of an enum: its name, or an object of its name and its value.
struct Variant<'r, 'a> {
    reader: &'r mut Reader<'a>,
    has_value: bool,
}

impl<'de> EnumAccess<'de> for Variant<'_, '_> {
    type Error = Unreadable;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Unreadable> {
        let name = seed.deserialize(&mut *self.reader)?;
        if self.has_value {
            self.reader.expect(b':')?;
        }
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_> {
    type Error = Unreadable;

    fn unit_variant(self) -> Result<(), Unreadable> {
        if self.has_value { self.reader.pass() } else { Ok(()) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unreadable> {
        if self.has_value { seed.deserialize(self.reader) } else { Err(Unreadable) }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unreadable> {
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unreadable> {
        self.reader.deserialize_map(visitor)
    }
}
