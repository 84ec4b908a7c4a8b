//! A statement whose text depends on how many values it has.

use super::Value;
use super::query::{Query, Scalar, query};
use std::fmt::{Display, Write};

/// A statement that is put together. Its values are numbered by the order in which they are added.
pub(crate) struct Builder {
    sql: String,
    values: Vec<Value>,
}

impl Builder {
    /// Begins with this text.
    pub(crate) fn new(sql: &'static str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// Adds to the text. Never what a user wrote: that is a value.
    pub(crate) fn push(&mut self, text: impl Display) -> &mut Self {
        write!(self.sql, "{text}").expect("a String takes what is written");
        self
    }

    /// Adds a value.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        let number = self.values.len();
        self.push(format_args!("${number}"))
    }

    /// Adds several, with this between them.
    pub(crate) fn separated(&mut self, separator: &'static str) -> Separated<'_> {
        Separated { builder: self, separator, is_first: true }
    }

    /// Adds the values in parentheses, for `in`. Of none it is `(null)`, in which nothing is: PostgreSQL takes no `()`.
    pub(crate) fn push_list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        let before = self.values.len();
        self.push("(");
        let mut list = self.separated(", ");
        for value in values {
            list.push_bind(value);
        }
        if self.values.len() == before {
            self.push("null");
        }
        self.push(")")
    }

    /// Adds `values (…), (…)` with these rows.
    pub(crate) fn push_values<R>(
        &mut self,
        rows: impl IntoIterator<Item = R>,
        mut columns: impl FnMut(&mut Separated<'_>, R),
    ) -> &mut Self {
        self.push("values (");
        for (index, row) in rows.into_iter().enumerate() {
            if 0 < index {
                self.push("), (");
            }
            columns(&mut self.separated(", "), row);
        }
        self.push(")")
    }

    /// The statement. Nothing is left in the builder.
    #[track_caller]
    pub(crate) fn build(&mut self) -> Query {
        Query { values: std::mem::take(&mut self.values), ..query(std::mem::take(&mut self.sql)) }
    }

    /// The statement, of which only the first column is read.
    #[track_caller]
    pub(crate) fn build_query_scalar<T>(&mut self) -> Scalar<T> {
        self.build().scalar()
    }
}

/// Adds to a [`Builder`], with a separator between.
pub(crate) struct Separated<'b> {
    builder: &'b mut Builder,
    separator: &'static str,
    is_first: bool,
}

impl Separated<'_> {
    /// Adds a value.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        if !std::mem::take(&mut self.is_first) {
            self.builder.push(self.separator);
        }
        self.builder.push_bind(value);
        self
    }
}
