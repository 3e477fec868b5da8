//! Tables for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// A table whose lines stay as wide as they are when the output is no terminal. Columns in `right` hold numbers.
pub(crate) fn new(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    for &index in right {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Bytes as people read them.
pub(crate) fn bytes(count: u64) -> String {
    const MIB: f64 = 1024.0 * 1024.0;
    match count as f64 {
        n if n >= 1024.0 * MIB => format!("{:.2} GiB", n / 1024.0 / MIB),
        n if n >= MIB => format!("{:.1} MiB", n / MIB),
        n => format!("{:.1} KiB", n / 1024.0),
    }
}
