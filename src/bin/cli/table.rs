//! Tables for people.

use std::io;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use indicatif::HumanBytes;

/// Columns of a table that goes to a file or a pipe.
const FILE_WIDTH: u16 = 100;

/// A table that fits the terminal, or [`FILE_WIDTH`]. Text wraps; the columns in `right` hold numbers, which do not.
pub(crate) fn new(header: &[&str], right: &[usize]) -> Table {
    let terminal = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0).filter(|width| *width > 0);
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(terminal.unwrap_or(FILE_WIDTH));
    table.set_header(header.iter().enumerate().map(|(index, title)| match right.contains(&index) {
        // Titles are wider than most numbers.
        true => title.replace(' ', "\n"),
        false => title.to_string(),
    }));
    for &index in right {
        let Some(column) = table.column_mut(index) else { continue };
        column.set_cell_alignment(CellAlignment::Right);
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// Bytes as people read them.
pub(crate) fn bytes(count: u64) -> String {
    HumanBytes(count).to_string()
}
