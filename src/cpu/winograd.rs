//! The transforms of F(2x2, 3x3): see `convolution.rs` for the mathematics.

use pulp::{Scalar, Simd, WithSimd};

/// Elements of a transformed tile.
pub(super) const PLACES: usize = 16;

/// Values between planes, one for each element: 16 places that are written in turn must not compete for one of the cache.
const GAP: usize = 16;

/// Elements of a plane of `values`, gap included.
pub(super) const fn plane(values: usize) -> usize {
    values + GAP
}

/// `G g G^T`, in f64 and rounded once.
pub(super) fn transform_filter(g: [f32; 9]) -> [f32; PLACES] {
    let column = |at: [f64; 3]| [at[0], (at[0] + at[1] + at[2]) / 2.0, (at[0] - at[1] + at[2]) / 2.0, at[2]];
    let g = g.map(f64::from);
    // G g: four rows of three.
    let columns = [0, 1, 2].map(|v| column([g[v], g[3 + v], g[6 + v]]));
    let rows = [0, 1, 2, 3].map(|u| column([columns[0][u], columns[1][u], columns[2][u]]));
    std::array::from_fn(|place| rows[place / 4][place % 4] as f32)
}

/// `B^T d B` of every tile of some rows of tiles.
pub(super) struct Spread<'a> {
    /// Pixels from row `top` of the image on, `step` apart.
    pub(super) source: &'a [f32],
    pub(super) step: usize,
    pub(super) top: usize,
    /// Of the image.
    pub(super) height: usize,
    pub(super) width: usize,
    /// First row of tiles, and how many.
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) channels: usize,
    /// A pixel of the border.
    pub(super) zeros: &'a [f32],
    /// 16 [`plane`]s of `[tiles, channels]`
    pub(super) target: &'a mut [f32],
}

impl WithSimd for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.channels;
        let across = self.width.div_ceil(2);
        let mut planes = split::<PLACES>(self.target, plane(self.rows * across * channels));
        let zeros = &self.zeros[..channels];
        for row in 0..self.rows {
            for column in 0..across {
                let pixels: [&[f32]; PLACES] = std::array::from_fn(|place| {
                    let (y, x) = (2 * (self.first + row) + place / 4, 2 * column + place % 4);
                    // Counted from the border of one pixel.
                    if y == 0 || y > self.height || x == 0 || x > self.width {
                        return zeros;
                    }
                    let at = ((y - 1 - self.top) * self.width + x - 1) * self.step;
                    &self.source[at..at + channels]
                });
                let at = (row * across + column) * channels;
                let targets = planes.each_mut().map(|plane| &mut plane[at..at + channels]);
                spread_tile(simd, pixels, targets);
            }
        }
    }
}

/// Cuts a slice into `N` planes.
#[inline(always)]
fn split<const N: usize>(mut values: &mut [f32], plane: usize) -> [&mut [f32]; N] {
    std::array::from_fn(|_| {
        let (first, rest) = std::mem::take(&mut values).split_at_mut(plane);
        values = rest;
        first
    })
}

#[inline(always)]
fn spread_tile<S: Simd>(simd: S, pixels: [&[f32]; PLACES], targets: [&mut [f32]; PLACES]) {
    let heads = pixels.map(|pixel| S::as_simd_f32s(pixel));
    let mut targets = targets.map(|target| S::as_mut_simd_f32s(target));
    let count = heads[0].0.len();
    let all = heads.map(|(head, _)| &head[..count]);
    for i in 0..count {
        let values = spread(simd, all.map(|pixel| pixel[i]));
        for (target, value) in targets.iter_mut().zip(values) {
            target.0[i] = value;
        }
    }
    for i in 0..heads[0].1.len() {
        let values = spread(Scalar::new(), heads.map(|(_, tail)| tail[i]));
        for (target, value) in targets.iter_mut().zip(values) {
            target.1[i] = value;
        }
    }
}

/// `B^T d B`.
#[inline(always)]
fn spread<S: Simd>(simd: S, d: [S::f32s; PLACES]) -> [S::f32s; PLACES] {
    let (add, sub) = (|a, b| simd.add_f32s(a, b), |a, b| simd.sub_f32s(a, b));
    let column = |a, b, c, d| [sub(a, c), add(b, c), sub(c, b), sub(b, d)];
    let columns: [[S::f32s; 4]; 4] = [
        column(d[0], d[4], d[8], d[12]),
        column(d[1], d[5], d[9], d[13]),
        column(d[2], d[6], d[10], d[14]),
        column(d[3], d[7], d[11], d[15]),
    ];
    let row = |u: usize| column(columns[0][u], columns[1][u], columns[2][u], columns[3][u]);
    let [a, b, c, e] = [row(0), row(1), row(2), row(3)];
    [a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3], e[0], e[1], e[2], e[3]]
}

/// `A^T m A` of every tile, written to its 2x2 pixels, or to those that are there.
pub(super) struct Gather<'a> {
    /// 16 [`plane`]s of `[tiles, outputs]`
    pub(super) products: &'a [f32],
    pub(super) outputs: usize,
    pub(super) tiles: usize,
    /// Tiles of a row.
    pub(super) across: usize,
    /// Pixels of a row.
    pub(super) width: usize,
    /// Values from one pixel of the target to the next.
    pub(super) step: usize,
    /// Whole rows of pixels, less what lies before the first output.
    pub(super) target: &'a mut [f32],
}

impl WithSimd for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Gather { outputs, tiles, across, width, step, .. } = self;
        let plane = plane(tiles * outputs);
        for (row, pixels) in self.target.chunks_mut(2 * width * step).enumerate().take(tiles / across) {
            let (upper, lower) = pixels.split_at_mut((width * step).min(pixels.len()));
            for column in 0..across {
                let at = (row * across + column) * outputs;
                let m: [&[f32]; PLACES] = std::array::from_fn(|place| &self.products[place * plane + at..][..outputs]);
                let x = 2 * column * step;
                let second = 2 * column + 1 < width;
                for (half, line) in [&mut *upper, &mut *lower].into_iter().enumerate() {
                    if line.is_empty() {
                        continue;
                    }
                    let line = &mut line[x..];
                    let (left, right) = line.split_at_mut(step.min(line.len()));
                    gather_half(simd, half, m, &mut left[..outputs], second.then(|| &mut right[..outputs]));
                }
            }
        }
    }
}

/// The upper (0) or lower (1) two pixels of a tile.
#[inline(always)]
fn gather_half<S: Simd>(simd: S, half: usize, m: [&[f32]; PLACES], left: &mut [f32], right: Option<&mut [f32]>) {
    let heads = m.map(|plane| S::as_simd_f32s(plane));
    let count = heads[0].0.len();
    let all = heads.map(|(head, _)| &head[..count]);
    let tails = heads.map(|(_, tail)| &tail[..heads[0].1.len()]);
    let (left, left_tail) = S::as_mut_simd_f32s(left);
    let left = &mut left[..count];
    match right {
        Some(right) => {
            let (right, right_tail) = S::as_mut_simd_f32s(right);
            let right = &mut right[..count];
            for i in 0..count {
                [left[i], right[i]] = gather(simd, half, all.map(|plane| plane[i]));
            }
            for i in 0..left_tail.len() {
                [left_tail[i], right_tail[i]] = gather(Scalar::new(), half, tails.map(|plane| plane[i]));
            }
        }
        None => {
            for i in 0..count {
                left[i] = gather(simd, half, all.map(|plane| plane[i]))[0];
            }
            for i in 0..left_tail.len() {
                left_tail[i] = gather(Scalar::new(), half, tails.map(|plane| plane[i]))[0];
            }
        }
    }
}

/// A row of `A^T m A`.
#[inline(always)]
fn gather<S: Simd>(simd: S, half: usize, m: [S::f32s; PLACES]) -> [S::f32s; 2] {
    let (add, sub) = (|a, b| simd.add_f32s(a, b), |a, b| simd.sub_f32s(a, b));
    let sums = [0, 1, 2, 3].map(|v| match half {
        0 => add(add(m[v], m[4 + v]), m[8 + v]),
        _ => sub(sub(m[4 + v], m[8 + v]), m[12 + v]),
    });
    [add(add(sums[0], sums[1]), sums[2]), sub(sub(sums[1], sums[2]), sums[3])]
}
