//! Columns of text for a terminal.

use std::io::{self, Write};

/// The gap between two columns.
const GAP: usize = 2;

/// Writes the rows with each column as wide as its widest cell.
pub(super) fn write<const N: usize>(out: &mut (dyn Write + Send), rows: &[[String; N]]) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line += &format!("{cell:<0$}", width + GAP);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
