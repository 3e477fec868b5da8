//! Pooling, with the norm and ReLU in front of it where there are some.

use pulp::{Simd, WithSimd};

use super::affine::Norm;
use super::lanes::{self, Maximum, Scale, Sum};
use super::layout::Layout;
use super::work::Work;

/// The maximum of windows; padding never wins.
#[derive(Clone, Copy, Debug)]
pub(super) struct MaxPool {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: [usize; 2],
}

impl MaxPool {
    pub(super) fn run(self, work: &Work, (source, from): (&[f32], Layout), (target, to): (&mut [f32], Layout)) {
        let image = from.height * from.width * from.step;
        work.each_chunk(&mut target[..to.elements()], to.width * to.step, |index, target, _| {
            let (of, row) = (index / to.height, index % to.height);
            let source = &source[of * image..][..image];
            work.cpu.vectorised(MaxPoolRow { pool: self, source, from, row, target, to });
        });
    }
}

struct MaxPoolRow<'a> {
    pool: MaxPool,
    source: &'a [f32],
    from: Layout,
    row: usize,
    target: &'a mut [f32],
    to: Layout,
}

impl WithSimd for MaxPoolRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let MaxPoolRow { pool, source, from, row, target, to } = self;
        let window = |at: usize, padding: usize, size: usize| {
            let start = at * pool.stride;
            start.saturating_sub(padding)..(start + pool.kernel).saturating_sub(padding).min(size)
        };
        let rows = window(row, pool.padding[0], from.height);
        for (column, pixel) in target.chunks_mut(to.step).enumerate() {
            let pixel = &mut pixel[to.start..][..to.channels];
            let columns = window(column, pool.padding[1], from.width);
            let mut first = true;
            for y in rows.clone() {
                for x in columns.clone() {
                    let values = &source[(y * from.width + x) * from.step + from.start..][..to.channels];
                    match std::mem::replace(&mut first, false) {
                        true => pixel.copy_from_slice(values),
                        false => lanes::merge(simd, &Maximum, values, pixel),
                    }
                }
            }
        }
    }
}

/// Norm, ReLU, and the mean of 2x2 pixels; an odd last row or column is dropped.
pub(super) fn average(norm: &Norm, work: &Work, (source, from): (&[f32], Layout), (target, to): (&mut [f32], Layout)) {
    let image = from.height * from.width * from.step;
    work.each_chunk(&mut target[..to.elements()], to.width * to.step, |index, target, scratch| {
        let (of, row) = (index / to.height, index % to.height);
        let source = &source[of * image + 2 * row * from.width * from.step..];
        let scratch = &mut scratch[..to.channels];
        work.cpu.vectorised(AverageRow { norm, source, from, target, to, scratch });
    });
}

struct AverageRow<'a> {
    norm: &'a Norm,
    source: &'a [f32],
    from: Layout,
    target: &'a mut [f32],
    to: Layout,
    /// A pixel.
    scratch: &'a mut [f32],
}

impl WithSimd for AverageRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AverageRow { norm, source, from, target, to, scratch } = self;
        for (column, pixel) in target.chunks_mut(to.step).enumerate() {
            let pixel = &mut pixel[to.start..][..to.channels];
            let at = |y: usize, x: usize| {
                let start = (y * from.width + 2 * column + x) * from.step + from.start;
                &source[start..][..to.channels]
            };
            let norm: [&[f32]; 2] = [&norm.scale, &norm.shift];
            lanes::normalise(simd, true, at(0, 0), norm, pixel);
            for (y, x) in [(0, 1), (1, 0), (1, 1)] {
                lanes::normalise(simd, true, at(y, x), norm, scratch);
                lanes::merge(simd, &Sum, &*scratch, pixel);
            }
            lanes::change(simd, &Scale(0.25), pixel);
        }
    }
}

/// Norm, ReLU if there is one, and the mean or the maximum of all pixels of an image.
#[derive(Debug)]
pub(super) struct GlobalPool {
    pub(super) norm: Norm,
    pub(super) relu: bool,
    pub(super) maximum: bool,
}

impl GlobalPool {
    pub(super) fn run(&self, work: &Work, (source, from): (&[f32], Layout), (target, to): (&mut [f32], Layout)) {
        let image = from.height * from.width * from.step;
        work.each_chunk(&mut target[..to.elements()], to.step, |of, target, scratch| {
            let source = &source[of * image..][..image];
            let target = &mut target[to.start..][..to.channels];
            let scratch = &mut scratch[..to.channels];
            work.cpu.vectorised(GlobalPoolImage { pool: self, source, from, target, scratch });
        });
    }
}

struct GlobalPoolImage<'a> {
    pool: &'a GlobalPool,
    source: &'a [f32],
    from: Layout,
    target: &'a mut [f32],
    /// A pixel.
    scratch: &'a mut [f32],
}

impl WithSimd for GlobalPoolImage<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let GlobalPoolImage { pool, source, from, target, scratch } = self;
        let channels = target.len();
        for (index, pixel) in source.chunks(from.step).enumerate() {
            let values = &pixel[from.start..][..channels];
            let place = if index == 0 { &mut *target } else { &mut *scratch };
            lanes::normalise(simd, pool.relu, values, [&pool.norm.scale, &pool.norm.shift], place);
            match (index, pool.maximum) {
                (0, _) => {}
                (_, true) => lanes::merge(simd, &Maximum, &*scratch, target),
                (_, false) => lanes::merge(simd, &Sum, &*scratch, target),
            }
        }
        if !pool.maximum {
            lanes::change(simd, &Scale(1.0 / (from.height * from.width) as f32), target);
        }
    }
}
