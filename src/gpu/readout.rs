//! What a run reads back, and how it is unpacked from a staging buffer.

use crate::engine::Output;
use crate::kernels::{Program, TapSource};
use crate::maps::FeatureMaps;

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
        Output::new(self.columns, taps)
    }

    /// Appends `count` images as they were read back.
    pub(super) fn append(&self, mut values: &[f32], count: usize, output: &mut Output) {
        output.begin(count);
        for (index, source) in self.sources.iter().enumerate() {
            let mut unpacked = Vec::new();
            let target = match output.taps_mut().get_mut(index) {
                Some((_, value)) => &mut value.data,
                None => &mut unpacked,
            };
            for _ in 0..count {
                let (image, rest) = values.split_at(source.bytes() / 4);
                target.extend(source.unpack(image));
                values = rest;
            }
            output.values_mut().append(&mut unpacked);
        }
    }
}
