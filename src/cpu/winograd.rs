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
        let mut planes = split(self.target, plane(self.rows * across * channels));
        let zeros = &self.zeros[..channels];
        for row in 0..self.rows {
            for column in 0..across {
                let mut pixels: [&[f32]; PLACES] = [zeros; PLACES];
                for (place, pixel) in pixels.iter_mut().enumerate() {
                    let (y, x) = (2 * (self.first + row) + place / 4, 2 * column + place % 4);
                    // Counted from the border of one pixel.
                    if y > 0 && y <= self.height && x > 0 && x <= self.width {
                        let at = ((y - 1 - self.top) * self.width + x - 1) * self.step;
                        *pixel = &self.source[at..at + channels];
                    }
                }
                let at = (row * across + column) * channels;
                spread_tile(simd, pixels, &mut planes, at..at + channels);
            }
        }
    }
}

/// Cuts a slice into planes.
fn split(mut values: &mut [f32], plane: usize) -> [&mut [f32]; PLACES] {
    std::array::from_fn(|_| {
        let (first, rest) = std::mem::take(&mut values).split_at_mut(plane);
        values = rest;
        first
    })
}

/// One expression for each place. Loops over arrays of vectors and closures are not inlined, and then compiled for the
/// narrowest instructions.
macro_rules! places {
    ($place:ident => $value:expr) => {
        places!(@ $place, $value, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@ $place:ident, $value:expr, $($number:literal)*) => {
        [$({ const $place: usize = $number; $value }),*]
    };
}

#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "one index into 16 slices")]
fn spread_tile<S: Simd>(
    simd: S,
    pixels: [&[f32]; PLACES],
    planes: &mut [&mut [f32]; PLACES],
    at: std::ops::Range<usize>,
) {
    let heads = places!(P => S::as_simd_f32s(pixels[P]));
    let count = heads[0].0.len();
    let rest = heads[0].1.len();
    let all = places!(P => &heads[P].0[..count]);
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = planes;
    let targets = [
        S::as_mut_simd_f32s(&mut a[at.clone()]),
        S::as_mut_simd_f32s(&mut b[at.clone()]),
        S::as_mut_simd_f32s(&mut c[at.clone()]),
        S::as_mut_simd_f32s(&mut d[at.clone()]),
        S::as_mut_simd_f32s(&mut e[at.clone()]),
        S::as_mut_simd_f32s(&mut f[at.clone()]),
        S::as_mut_simd_f32s(&mut g[at.clone()]),
        S::as_mut_simd_f32s(&mut h[at.clone()]),
        S::as_mut_simd_f32s(&mut i[at.clone()]),
        S::as_mut_simd_f32s(&mut j[at.clone()]),
        S::as_mut_simd_f32s(&mut k[at.clone()]),
        S::as_mut_simd_f32s(&mut l[at.clone()]),
        S::as_mut_simd_f32s(&mut m[at.clone()]),
        S::as_mut_simd_f32s(&mut n[at.clone()]),
        S::as_mut_simd_f32s(&mut o[at.clone()]),
        S::as_mut_simd_f32s(&mut p[at]),
    ];
    for i in 0..count {
        let values = spread(simd, places!(P => all[P][i]));
        places!(P => targets[P].0[i] = values[P]);
    }
    for i in 0..rest {
        let values = spread(Scalar::new(), places!(P => heads[P].1[i]));
        places!(P => targets[P].1[i] = values[P]);
    }
}

/// `B^T` times a column of four.
#[inline(always)]
fn spread_column<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s, d: S::f32s) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// `B^T d B`.
#[inline(always)]
fn spread<S: Simd>(simd: S, d: [S::f32s; PLACES]) -> [S::f32s; PLACES] {
    let a = spread_column(simd, d[0], d[4], d[8], d[12]);
    let b = spread_column(simd, d[1], d[5], d[9], d[13]);
    let c = spread_column(simd, d[2], d[6], d[10], d[14]);
    let d = spread_column(simd, d[3], d[7], d[11], d[15]);
    let [e, f, g, h] = spread_column(simd, a[0], b[0], c[0], d[0]);
    let [i, j, k, l] = spread_column(simd, a[1], b[1], c[1], d[1]);
    let [m, n, o, p] = spread_column(simd, a[2], b[2], c[2], d[2]);
    let [q, r, s, t] = spread_column(simd, a[3], b[3], c[3], d[3]);
    [e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t]
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
#[expect(clippy::needless_range_loop, reason = "one index into 16 slices")]
fn gather_half<S: Simd>(simd: S, half: usize, m: [&[f32]; PLACES], left: &mut [f32], right: Option<&mut [f32]>) {
    let heads = places!(P => S::as_simd_f32s(m[P]));
    let (count, rest) = (heads[0].0.len(), heads[0].1.len());
    let all = places!(P => &heads[P].0[..count]);
    let (left, left_rest) = S::as_mut_simd_f32s(left);
    let left = &mut left[..count];
    match right {
        Some(right) => {
            let (right, right_rest) = S::as_mut_simd_f32s(right);
            let right = &mut right[..count];
            for i in 0..count {
                [left[i], right[i]] = gather(simd, half, places!(P => all[P][i]));
            }
            for i in 0..rest {
                [left_rest[i], right_rest[i]] = gather(Scalar::new(), half, places!(P => heads[P].1[i]));
            }
        }
        None => {
            for i in 0..count {
                left[i] = gather(simd, half, places!(P => all[P][i]))[0];
            }
            for i in 0..rest {
                left_rest[i] = gather(Scalar::new(), half, places!(P => heads[P].1[i]))[0];
            }
        }
    }
}

/// A row of `A^T`, the upper (0) or the lower (1), times a column of four.
#[inline(always)]
fn gather_column<S: Simd>(simd: S, half: usize, m: [S::f32s; 4]) -> S::f32s {
    match half {
        0 => simd.add_f32s(simd.add_f32s(m[0], m[1]), m[2]),
        _ => simd.sub_f32s(simd.sub_f32s(m[1], m[2]), m[3]),
    }
}

/// A row of `A^T m A`.
#[inline(always)]
fn gather<S: Simd>(simd: S, half: usize, m: [S::f32s; PLACES]) -> [S::f32s; 2] {
    let sums = [
        gather_column(simd, half, [m[0], m[4], m[8], m[12]]),
        gather_column(simd, half, [m[1], m[5], m[9], m[13]]),
        gather_column(simd, half, [m[2], m[6], m[10], m[14]]),
        gather_column(simd, half, [m[3], m[7], m[11], m[15]]),
    ];
    [gather_column(simd, 0, sums), gather_column(simd, 1, sums)]
}
