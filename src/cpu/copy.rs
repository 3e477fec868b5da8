//! Steps that move values without adding any up: a norm with or without ReLU of every value, and appending channels.

use pulp::{Simd, WithSimd};

use super::affine::Norm;
use super::lanes;
use super::layout::Layout;
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
            let source = &source[index * pixels * from.step..];
            work.cpu.vectorised(FlattenPixels { flatten: self, source, from, target, to });
        });
    }
}

struct FlattenPixels<'a> {
    flatten: &'a Flatten,
    source: &'a [f32],
    from: Layout,
    target: &'a mut [f32],
    to: Layout,
}

impl WithSimd for FlattenPixels<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let FlattenPixels { flatten: Flatten { norm, relu }, source, from, target, to } = self;
        for (pixel, values) in target.chunks_mut(to.step).zip(source.chunks(from.step)) {
            let values = &values[from.start..][..to.channels];
            let pixel = &mut pixel[to.start..][..to.channels];
            lanes::normalise(simd, *relu, values, [&norm.scale, &norm.shift], pixel);
        }
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
