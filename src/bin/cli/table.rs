//! Tables for people.

use std::io;

use comfy_table::{CellAlignment, Column, ColumnConstraint, ContentArrangement, Table, Width, presets};
use indicatif::HumanBytes;

/// Columns of a table that goes to a file or a pipe.
const FILE_WIDTH: u16 = 100;
/// Letters of the longest word that is never broken.
const MAX_WORD: usize = 24;

/// A table that fits the terminal, or [`FILE_WIDTH`]. Text wraps; the columns in `right` hold numbers, which do not.
pub(crate) fn new(header: &[&str], right: &[usize]) -> Table {
    let terminal = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0).filter(|width| *width > 0);
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(terminal.unwrap_or(FILE_WIDTH));
    table.set_header(header.iter().enumerate().map(|(index, title)| match title.rsplit_once(' ') {
        // Titles are wider than most numbers.
        Some((first, last)) if right.contains(&index) => format!("{first}\n{last}"),
        _ => title.to_string(),
    }));
    for &index in right {
        let Some(column) = table.column_mut(index) else { continue };
        column.set_cell_alignment(CellAlignment::Right);
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// The table as text. Lines break between words, even if that takes more columns than the terminal has.
pub(crate) fn text(mut table: Table) -> String {
    let longest_word = |column: &Column| {
        let cells = table.column_cells_with_header_iter(column.index).flatten();
        let words = cells.flat_map(|cell| cell.content().split_whitespace().map(str::len).max());
        words.max().unwrap_or_default().min(MAX_WORD) as u16 + column.padding_width()
    };
    let words: Vec<u16> = table.column_iter().map(longest_word).collect();
    for (column, words) in table.column_iter_mut().zip(words).filter(|(column, _)| column.constraint().is_none()) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(words)));
    }
    table.trim_fmt()
}

/// Bytes as people read them.
pub(crate) fn bytes(count: u64) -> String {
    HumanBytes(count).to_string()
}
