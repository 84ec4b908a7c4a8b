//! A row that was found, and how its columns are read: alike on each database.

use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Row as _, ValueRef};

/// A row.
pub(crate) enum Row {
    Sqlite(SqliteRow),
}

/// What a column can be read as.
pub(crate) trait Column<'r>: Sized {
    fn sqlite(row: &'r SqliteRow, at: usize) -> sqlx::Result<Self>;
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

impl Row {
    /// Reads a column.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub(crate) fn try_get<'r, T: Column<'r>>(&'r self, name: &str) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => T::sqlite(row, name.index(row)?),
        }
    }

    /// Reads the first column.
    pub(crate) fn first<'r, T: Column<'r>>(&'r self) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => T::sqlite(row, 0),
        }
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What is in a row is not for a log.
        f.write_str("Row")
    }
}

/// Types that each driver reads in the same way.
macro_rules! read_alike {
    ($($kind:ty),*) => {$(
        impl<'r> Column<'r> for $kind {
            fn sqlite(row: &'r SqliteRow, at: usize) -> sqlx::Result<Self> {
                row.try_get(at)
            }
        }
    )*};
}

read_alike!(String, &'r str, Vec<u8>, i64, bool);

impl<'r, T: Column<'r>> Column<'r> for Option<T> {
    fn sqlite(row: &'r SqliteRow, at: usize) -> sqlx::Result<Self> {
        if row.try_get_raw(at)?.is_null() { Ok(None) } else { T::sqlite(row, at).map(Some) }
    }
}
