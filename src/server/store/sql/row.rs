//! A row that was found, and how its columns are read: alike on each database.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Row as _, TypeInfo, ValueRef};

/// A row.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column can be read as.
pub(crate) trait Column<'r>: Sized {
    fn sqlite(row: &'r SqliteRow, at: usize) -> sqlx::Result<Self>;
    fn postgres(row: &'r PgRow, at: usize) -> sqlx::Result<Self>;
}

impl Row {
    /// Reads a column.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub(crate) fn try_get<'r, T: Column<'r>>(&'r self, name: &str) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => T::sqlite(row, name.index(row)?),
            Self::Postgres(row) => T::postgres(row, name.index(row)?),
        }
    }

    /// Reads the first column.
    pub(crate) fn first<'r, T: Column<'r>>(&'r self) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => T::sqlite(row, 0),
            Self::Postgres(row) => T::postgres(row, 0),
        }
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What is in a row is not for a log.
        f.write_str("Row")
    }
}

/// Types that both drivers read in the same way.
macro_rules! read_alike {
    ($($kind:ty),*) => {$(
        impl<'r> Column<'r> for $kind {
            fn sqlite(row: &'r SqliteRow, at: usize) -> sqlx::Result<Self> {
                row.try_get(at)
            }

            fn postgres(row: &'r PgRow, at: usize) -> sqlx::Result<Self> {
                row.try_get(at)
            }
        }
    )*};
}

read_alike!(String, &'r str, Vec<u8>);

/// SQLite has one kind of whole number, which a truth value is too; PostgreSQL tells a literal, a count, a length and a
/// truth value apart.
impl Column<'_> for i64 {
    fn sqlite(row: &SqliteRow, at: usize) -> sqlx::Result<Self> {
        row.try_get(at)
    }

    fn postgres(row: &PgRow, at: usize) -> sqlx::Result<Self> {
        match row.try_get_raw(at)?.type_info().name() {
            "BOOL" => row.try_get::<bool, _>(at).map(Self::from),
            "INT2" => row.try_get::<i16, _>(at).map(Self::from),
            "INT4" => row.try_get::<i32, _>(at).map(Self::from),
            _ => row.try_get(at),
        }
    }
}

impl Column<'_> for bool {
    fn sqlite(row: &SqliteRow, at: usize) -> sqlx::Result<Self> {
        row.try_get(at)
    }

    fn postgres(row: &PgRow, at: usize) -> sqlx::Result<Self> {
        i64::postgres(row, at).map(|number| number != 0)
    }
}

impl<'r, T: Column<'r>> Column<'r> for Option<T> {
    fn sqlite(row: &'r SqliteRow, at: usize) -> sqlx::Result<Self> {
        if row.try_get_raw(at)?.is_null() { Ok(None) } else { T::sqlite(row, at).map(Some) }
    }

    fn postgres(row: &'r PgRow, at: usize) -> sqlx::Result<Self> {
        if row.try_get_raw(at)?.is_null() { Ok(None) } else { T::postgres(row, at).map(Some) }
    }
}
