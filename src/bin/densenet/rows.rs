//! `densenet classify --csv`: a row for each picture.

use std::io;
use std::path::Path;

use densenet_wgpu::Place;
use indicatif::ProgressBar;

use crate::results::{self, Outcome};

/// The columns: path, error, then class, label and probability of each place.
pub(crate) struct Rows {
    places: usize,
}

impl Rows {
    /// Prints the header.
    pub(crate) fn start(places: usize) -> anyhow::Result<Rows> {
        let of_place = |place: usize| ["class", "label", "probability"].map(|name| format!("{name}_{place}"));
        let columns = ["path", "error"].map(String::from).into_iter().chain((1..=places).flat_map(of_place));
        results::emit(&record(columns)?, &ProgressBar::hidden())?;
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
