//! Steps that move values without adding any up: a norm with or without ReLU of every value, and appending channels.

use super::affine::Norm;
use super::layout::Layout;
use super::pixels::Normalise;
use super::work::{Work, part};

/// Pixels that a thread takes at once.
const PIXELS: usize = 64;

/// Batch norm and, if there is one, ReLU of every value.
#[derive(Debug)]
pub(super) struct Flatten {
    pub(super) norm: Norm,
    pub(super) relu: bool,
}

impl Flatten {
    pub(super) fn run(&self, work: &Work, (source, from): (&[f32], Layout), (target, to): (&mut [f32], Layout)) {
        let pixels = part(to.pixels(), PIXELS);
        work.each_chunk(&mut target[..to.elements()], pixels * to.step, |index, target, _| {
            work.cpu.vectorised(Normalise {
                rectified: self.relu,
                source: &source[index * pixels * from.step + from.start..],
                source_step: from.step,
                norm: self.norm.part(0, to.channels),
                count: target.len() / to.step,
                target: &mut target[to.start..],
                target_step: to.step,
            });
        });
    }
}

/// Copies new channels into their slot.
pub(super) fn append(work: &Work, (source, from): (&[f32], Layout), (target, to): (&mut [f32], Layout)) {
    let pixels = part(to.pixels(), PIXELS);
    work.each_chunk(&mut target[..to.elements()], pixels * to.step, |index, target, _| {
        let source = &source[index * pixels * from.step..];
        for (pixel, values) in target.chunks_mut(to.step).zip(source.chunks(from.step)) {
            pixel[to.start..][..to.channels].copy_from_slice(&values[from.start..][..to.channels]);
        }
    });
}
