//! What a run yields, and how it is unpacked from a staging buffer.

use crate::error::{Error, Result};
use crate::kernels::{Program, TapSource};
use crate::maps::FeatureMaps;

/// What a run yields: the result of every image, and the taps that the session was made with.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    batch: usize,
    columns: usize,
    values: Vec<f32>,
    taps: Vec<(String, FeatureMaps)>,
}

impl Output {
    /// Number of images.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Values of one image: classes, or pooled features where the network has no classifier.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The results of all images, `[batch, columns]`: logits, or pooled features where the network has no classifier.
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

    /// The value of a tap, for all images, if the session was made with it.
    pub fn tap(&self, name: &str) -> Option<&FeatureMaps> {
        self.taps.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// What a session reads back of each pass, and its layout in a staging buffer: tap by tap, and of each tap image by image.
#[derive(Debug)]
pub(super) struct Readout {
    /// The session's taps, in the order of their dispatches, then the result.
    pub(super) sources: Vec<TapSource>,
    columns: usize,
}

impl Readout {
    pub(super) fn new(program: &Program, names: &[String]) -> Readout {
        let mut sources: Vec<TapSource> =
            program.taps.iter().filter(|tap| names.contains(&tap.name)).cloned().collect();
        sources.sort_by_key(|tap| tap.dispatch);
        sources.push(program.output.clone());
        let output = &program.output;
        Readout { sources, columns: output.channels() * output.height * output.width }
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

/// Fails where the result holds NaN or infinity.
pub(super) fn finite(output: Output) -> Result<Output> {
    match output.values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::overflow(at / output.columns)),
        None => Ok(output),
    }
}
