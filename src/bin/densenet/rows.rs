//! `densenet classify --csv`: a row for each picture.

use std::io;
use std::path::Path;

use densenet_wgpu::{Architecture, Place};
use indicatif::ProgressBar;

use crate::results::{self, Outcome};

/// The columns: path, error, then class, label and probability of each place. With several outputs, the places of one after
/// those of the other, and the output's name before each column's.
pub(crate) struct Rows {
    places: usize,
}

impl Rows {
    /// Prints the header, for the best `top` of each output.
    pub(crate) fn start(architecture: &Architecture, top: usize) -> anyhow::Result<Rows> {
        let mut columns: Vec<String> = vec!["path".into(), "error".into()];
        let mut places = 0;
        for (output, width, _) in architecture.outputs() {
            let output = if output.is_empty() { String::new() } else { format!("{output}_") };
            for place in 1..=top.min(width) {
                columns.extend(["class", "label", "probability"].map(|name| format!("{output}{name}_{place}")));
                places += 1;
            }
        }
        results::emit(&record(columns.into_iter())?, &ProgressBar::hidden())?;
        Ok(Rows { places })
    }

    /// A picture's row. That of a bad picture has empty places.
    pub(crate) fn row(&self, path: &Path, outcome: &Outcome, top: &[Place]) -> io::Result<Vec<u8>> {
        let first = [path.to_string_lossy().into_owned(), outcome.error.clone().unwrap_or_default()];
        let of_place = |place: Option<&Place>| match place {
            Some(place) => [place.class.to_string(), place.label.clone(), place.score.to_string()],
            None => Default::default(),
        };
        record(first.into_iter().chain((0..self.places).flat_map(|place| of_place(top.get(place)))))
    }
}

/// One line, unless a field holds line breaks: then it is quoted.
fn record(fields: impl Iterator<Item = String>) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(fields)?;
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}
