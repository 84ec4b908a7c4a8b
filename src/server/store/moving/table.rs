//! One table: its rows are read from SQLite, written to PostgreSQL, and read back from there.

use crate::server::nul;
use anyhow::bail;
use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, QueryBuilder, Row, SqliteConnection};
use std::fmt;

/// Rows of a statement: fewer than PostgreSQL takes values (65,535), with the 27 columns of a message.
const MOST_ROWS: usize = 500;
/// And bytes, so that a message of a mebibyte or a picture does not make it larger than memory is for.
const MOST_BYTES: usize = 4 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Int,
    Bytes,
}

/// A value of a row.
enum Cell {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

#[derive(Debug)]
pub(super) struct Table {
    name: &'static str,
    columns: Vec<(String, Kind)>,
}

/// What is in a table: the number of its rows, and a hash of all of them that does not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub rows: u64,
    hash: [u8; 32],
}

impl fmt::Display for Sum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} rows ({:02x}{:02x})", self.rows, self.hash[0], self.hash[1])
    }
}

impl Sum {
    fn add(&mut self, row: &[Cell]) {
        let mut hash = Sha256::new();
        for cell in row {
            // Its kind and length before it, so that no two rows read alike.
            match cell {
                Cell::Text(Some(text)) => hash_bytes(&mut hash, 1, text.as_bytes()),
                Cell::Int(Some(number)) => hash_bytes(&mut hash, 2, &number.to_be_bytes()),
                Cell::Bytes(Some(bytes)) => hash_bytes(&mut hash, 3, bytes),
                Cell::Text(None) | Cell::Int(None) | Cell::Bytes(None) => hash_bytes(&mut hash, 0, &[]),
            }
        }
        self.rows += 1;
        // No row is there twice, so none takes another one away.
        for (sum, byte) in self.hash.iter_mut().zip(hash.finalize()) {
            *sum ^= byte;
        }
    }
}

fn hash_bytes(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update(bytes.len().to_be_bytes());
    hash.update(bytes);
}

impl Cell {
    fn of_sqlite(row: &SqliteRow, at: usize, kind: Kind) -> sqlx::Result<Self> {
        Ok(match kind {
            // From before it was replaced where text comes in.
            Kind::Text => Self::Text(row.try_get::<Option<String>, _>(at)?.map(nul::replaced)),
            Kind::Int => Self::Int(row.try_get(at)?),
            Kind::Bytes => Self::Bytes(row.try_get(at)?),
        })
    }

    fn of_postgres(row: &PgRow, at: usize, kind: Kind) -> sqlx::Result<Self> {
        Ok(match kind {
            Kind::Text => Self::Text(row.try_get(at)?),
            Kind::Int => Self::Int(row.try_get(at)?),
            Kind::Bytes => Self::Bytes(row.try_get(at)?),
        })
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.as_ref().map_or(0, String::len),
            Self::Bytes(bytes) => bytes.as_ref().map_or(0, Vec::len),
            Self::Int(_) => size_of::<i64>(),
        }
    }
}

impl Table {
    /// The table as it is in SQLite; a test compares it with PostgreSQL's.
    pub(super) async fn of(source: &mut SqliteConnection, name: &'static str) -> anyhow::Result<Self> {
        let columns = "select name, lower(type) from pragma_table_info($1) order by cid";
        let found: Vec<(String, String)> = sqlx::query_as(columns).bind(name).fetch_all(source).await?;
        let mut columns = Vec::new();
        for (column, kind) in found {
            let kind = match kind.as_str() {
                "text" => Kind::Text,
                "bigint" => Kind::Int,
                "bytea" => Kind::Bytes,
                other => bail!("The column {column} of {name} is of a kind that is not known: {other}"),
            };
            columns.push((column, kind));
        }
        Ok(Self { name, columns })
    }

    fn columns(&self) -> String {
        self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Reads all rows of the source and writes them, a few at a time.
    pub(super) async fn copy(&self, source: &mut SqliteConnection, target: &mut PgConnection) -> anyhow::Result<Sum> {
        // A message comes after the one that it follows.
        let order = if self.name == "message" { "order by conversation, position" } else { "" };
        let select = format!("select {} from {} {order}", self.columns(), self.name);
        let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(source);
        let (mut sum, mut waiting, mut bytes) = (Sum::default(), Vec::new(), 0);
        while let Some(row) = rows.try_next().await? {
            let cells = self.columns.iter().enumerate().map(|(at, (_, kind))| Cell::of_sqlite(&row, at, *kind));
            let cells = cells.collect::<sqlx::Result<Vec<_>>>()?;
            sum.add(&cells);
            bytes += cells.iter().map(Cell::bytes).sum::<usize>();
            waiting.push(cells);
            if MOST_ROWS <= waiting.len() || MOST_BYTES <= bytes {
                self.write(std::mem::take(&mut waiting), target).await?;
                bytes = 0;
            }
        }
        self.write(waiting, target).await?;
        Ok(sum)
    }

    async fn write(&self, rows: Vec<Vec<Cell>>, target: &mut PgConnection) -> sqlx::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let begin = format!("insert into {} ({}) ", self.name, self.columns());
        let mut insert = QueryBuilder::<Postgres>::new(begin);
        insert.push_values(rows, |mut values, row| {
            for cell in row {
                match cell {
                    Cell::Text(text) => values.push_bind(text),
                    Cell::Int(number) => values.push_bind(number),
                    Cell::Bytes(bytes) => values.push_bind(bytes),
                };
            }
        });
        insert.build().persistent(false).execute(target).await.map(drop)
    }

    /// What is there now.
    pub(super) async fn read_back(&self, target: &mut PgConnection) -> sqlx::Result<Sum> {
        let select = format!("select {} from {}", self.columns(), self.name);
        let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(target);
        let mut sum = Sum::default();
        while let Some(row) = rows.try_next().await? {
            let cells = self.columns.iter().enumerate().map(|(at, (_, kind))| Cell::of_postgres(&row, at, *kind));
            sum.add(&cells.collect::<sqlx::Result<Vec<_>>>()?);
        }
        Ok(sum)
    }
}
