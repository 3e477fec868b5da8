//! What a run yields, and how it is made from what was read back.

use crate::error::{Error, Result};
use crate::kernels::{Program, TapSource};
use crate::maps::FeatureMaps;

/// What a run yields.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    batch: usize,
    columns: usize,
    values: Vec<f32>,
    taps: Vec<(String, FeatureMaps)>,
}

impl Output {
    /// Images.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Values of one image: classes, or pooled features where the network has no classifier.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// `[N, classes]`, row by row.
    pub fn logits(&self) -> &[f32] {
        &self.values
    }

    /// The logits of image `index`.
    ///
    /// # Panics
    /// Where there is no such image.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.columns..][..self.columns]
    }

    /// A tap that the session was made with.
    pub fn tap(&self, name: &str) -> Option<&FeatureMaps> {
        self.taps.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// What a session reads back of each pass, and how it lies in a staging buffer: the images of a tap one behind another,
/// tap after tap.
#[derive(Debug)]
pub(super) struct Readout {
    /// The taps asked for, in the order of their dispatches; the result comes last.
    pub(super) sources: Vec<TapSource>,
    columns: usize,
}

impl Readout {
    pub(super) fn new(program: &Program, names: &[String]) -> Readout {
        let mut sources: Vec<TapSource> =
            program.taps.iter().filter(|tap| names.contains(&tap.name)).cloned().collect();
        sources.sort_by_key(|tap| tap.dispatch);
        sources.push(program.output.clone());
        Readout { sources, columns: program.output.channels() }
    }

    /// Bytes of one image.
    pub(super) fn image_bytes(&self) -> u64 {
        self.sources.iter().map(|source| source.bytes() as u64).sum()
    }

    /// An output without images.
    pub(super) fn empty(&self) -> Output {
        let taps = self.sources[..self.sources.len() - 1]
            .iter()
            .map(|tap| {
                let (channels, height, width) = (tap.channels(), tap.height, tap.width);
                (tap.name.clone(), FeatureMaps { channels, height, width, data: Vec::new() })
            })
            .collect();
        Output { batch: 0, columns: self.columns, values: Vec::new(), taps }
    }

    /// Appends `count` images as they were read back.
    pub(super) fn append(&self, mut values: &[f32], count: usize, output: &mut Output) {
        output.batch += count;
        for (index, source) in self.sources.iter().enumerate() {
            let target = match output.taps.get_mut(index) {
                Some((_, value)) => &mut value.data,
                None => &mut output.values,
            };
            for _ in 0..count {
                let (image, rest) = values.split_at(source.bytes() / 4);
                target.extend(source.unpack(image));
                values = rest;
            }
        }
    }
}

/// NaN and infinity are no answer.
pub(super) fn finite(output: Output) -> Result<Output> {
    match output.values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::overflow(at / output.columns)),
        None => Ok(output),
    }
}
