//! Tables as text.

/// The columns in `right` are aligned to the right.
pub fn of<const N: usize>(head: [String; N], rows: impl Iterator<Item = [String; N]>, right: &[usize]) -> String {
    let table: Vec<_> = std::iter::once(head).chain(rows).collect();
    let widths: [usize; N] =
        std::array::from_fn(|column| table.iter().map(|cells| width(&cells[column])).max().unwrap_or_default());
    let mut text = String::new();
    for cells in &table {
        let padded = cells.iter().enumerate().map(|(column, cell)| {
            let width = widths[column];
            if right.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:width$}") }
        });
        text += padded.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

fn width(text: &str) -> usize {
    text.chars().count()
}
