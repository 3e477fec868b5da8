//! Finds the digit in a picture and lays it out as MNIST's digits are.
//!
//! This is how MNIST was made from scans: the digit's bounding box was scaled to fit 20x20 pixels with its proportions
//! kept, antialiased, light on black, then moved by whole pixels in a field of 28x28 until its centre of mass was in the
//! middle (LeCun, Cortes, Burges, "The MNIST database of handwritten digits"). In the files themselves, the centre of mass of every
//! one of the 70,000 lies within half a pixel of index 14 in both directions, and the longer side of the box of
//! non-zero pixels is 20 (of sixteen of them 19).

use std::collections::VecDeque;

use super::region::Region;
use super::resize::resize_f32;
use crate::architecture::InputSize;

/// Sides of MNIST's pictures and of the box that its digits fill.
const FIELD: usize = 28;
const BOX: usize = 20;

/// Ink fainter than this share of full ink does not widen the box.
const FAINTEST: f32 = 0.1;

/// A digit as in MNIST: light on black, of the requested size.
pub(super) struct Digit {
    pub(super) pixels: Vec<u8>,
    /// Where its field lies in the picture.
    pub(super) region: Region,
    pub(super) warnings: Vec<String>,
}

/// Half-open ranges of rows and columns.
#[derive(Clone, Copy)]
struct Bounds {
    top: usize,
    bottom: usize,
    left: usize,
    right: usize,
}

impl Bounds {
    fn height(&self) -> usize {
        self.bottom - self.top
    }

    fn width(&self) -> usize {
        self.right - self.left
    }

    fn add(&mut self, row: usize, column: usize) {
        self.top = self.top.min(row);
        self.bottom = self.bottom.max(row + 1);
        self.left = self.left.min(column);
        self.right = self.right.max(column + 1);
    }

    /// Where a field of `size` lies in the picture, if this box is scaled to `to` and placed at `at` in the field.
    fn region(&self, to: InputSize, at: [usize; 2], size: InputSize) -> Region {
        let (down, across) = (self.height() as f64 / to.height as f64, self.width() as f64 / to.width as f64);
        Region {
            left: self.left as f64 - at[1] as f64 * across,
            top: self.top as f64 - at[0] as f64 * down,
            width: size.width as f64 * across,
            height: size.height as f64 * down,
        }
    }

    const NOTHING: Bounds = Bounds { top: usize::MAX, bottom: 0, left: usize::MAX, right: 0 };
}

/// The digit in a grey picture, or `None` where nothing stands out from the background. A picture already in MNIST's form,
/// or its negative, keeps every pixel.
pub(super) fn lay_out(grey: &[u8], from: InputSize, size: InputSize) -> Result<Option<Digit>, String> {
    let grey = light_on_dark(grey, from);
    if size == InputSize::square(FIELD) && is_mnist(&grey, from) {
        return Ok(Some(Digit { pixels: grey, region: Region::whole(from), warnings: Vec::new() }));
    }
    let Some(mut ink) = Ink::above_background(&grey, from) else { return Ok(None) };
    let Some(bounds) = ink.find() else { return Ok(None) };
    let mut warnings = Vec::new();
    if bounds.top == 0 || bounds.left == 0 || bounds.bottom == from.height || bounds.right == from.width {
        warnings.push("the digit touches the picture's edge: it may be cut off, or be something else".into());
    }
    let (part, scaled) = ink.scale(bounds, size)?;
    let (pixels, [row, column]) = centre_mass(&part, scaled, size);
    // In MNIST at most 45 % of the pixels are not black.
    let light = pixels.iter().filter(|&&x| x > 0).count() as f64 / pixels.len() as f64;
    if light > 0.5 {
        warnings.push(format!("{:.0} % of the picture is ink: this does not look like one digit", light * 100.0));
    }
    Ok(Some(Digit { pixels, region: bounds.region(scaled, [row, column], size), warnings }))
}

/// Inverts the picture if its ink is darker than its background. The background is what lies along the edges; ink is what
/// differs from it.
fn light_on_dark(grey: &[u8], from: InputSize) -> Vec<u8> {
    let mut edge: Vec<u8> = edge_of(from).map(|(row, column)| grey[row * from.width + column]).collect();
    let background = f32::from(*median(&mut edge));
    let (low, high) = blurred_range(grey.iter().map(|&x| f32::from(x)), from);
    if background - low > high - background {
        return grey.iter().map(|&x| 255 - x).collect();
    }
    grey.to_vec()
}

fn is_mnist(grey: &[u8], from: InputSize) -> bool {
    if from != InputSize::square(FIELD) {
        return false;
    }
    let mut bounds = Bounds::NOTHING;
    for (i, _) in grey.iter().enumerate().filter(|(_, x)| **x > 0) {
        bounds.add(i / FIELD, i % FIELD);
    }
    if bounds.bottom == 0 || !(BOX - 1..=BOX).contains(&bounds.height().max(bounds.width())) {
        return false;
    }
    let (row, column) = mass(grey, FIELD);
    [row, column].iter().all(|at| (at - FIELD as f64 / 2.0).abs() < 0.55)
}

/// What stands out from the background, in levels of the picture.
struct Ink {
    excess: Vec<f32>,
    size: InputSize,
    /// The background's noise: anything below is not ink.
    floor: f32,
    /// Anything above is certainly ink.
    certain: f32,
    /// The level of full ink.
    full: f32,
}

impl Ink {
    fn above_background(grey: &[u8], size: InputSize) -> Option<Self> {
        let (plane, sigma) = background(grey, size);
        let excess: Vec<f32> =
            grey.iter().enumerate().map(|(i, &x)| (f32::from(x) - plane.at(i, size)).max(0.0)).collect();
        let (_, peak) = blurred_range(excess.iter().copied(), size);
        if peak < (5.0 * sigma).max(12.0) {
            return None;
        }
        let floor = 3.0 * sigma;
        // Otsu's threshold may split the noise where there is little ink; hence the bounds.
        let certain = otsu(&excess).clamp(0.25 * peak, 0.6 * peak).max(floor);
        let full = full_ink(&excess, certain);
        Some(Ink { excess, size, floor, certain, full })
    }

    /// Keeps the pieces that hold certain ink and are not specks, clears the others, and returns the box around them.
    fn find(&mut self) -> Option<Bounds> {
        let faintest = (FAINTEST * self.full).max(self.floor);
        let (sure, faint): (Vec<_>, Vec<_>) = self.pieces(faintest).into_iter().partition(|p| p.peak > self.certain);
        let largest = sure.iter().map(|p| p.mass).fold(0.0, f32::max);
        let (kept, specks): (Vec<_>, Vec<_>) = sure.into_iter().partition(|p| p.mass >= 0.02 * largest);
        for i in faint.into_iter().chain(specks).flat_map(|p| p.pixels) {
            self.excess[i] = 0.0;
        }
        let mut bounds = Bounds::NOTHING;
        for i in kept.iter().flat_map(|p| &p.pixels) {
            bounds.add(i / self.size.width, i % self.size.width);
        }
        (bounds.bottom > 0).then_some(bounds)
    }

    /// The connected pieces above `faintest`; pixels that touch at corners are connected.
    fn pieces(&self, faintest: f32) -> Vec<Piece> {
        let InputSize { height, width } = self.size;
        let mut seen: Vec<bool> = self.excess.iter().map(|&x| x <= faintest).collect();
        let mut pieces = Vec::new();
        for start in 0..seen.len() {
            if std::mem::replace(&mut seen[start], true) {
                continue;
            }
            let mut piece = Piece { pixels: Vec::new(), mass: 0.0, peak: 0.0 };
            let mut queue = VecDeque::from([start]);
            while let Some(i) = queue.pop_front() {
                piece.pixels.push(i);
                piece.mass += self.excess[i];
                piece.peak = piece.peak.max(self.excess[i]);
                let (row, column) = (i / width, i % width);
                for r in row.saturating_sub(1)..(row + 2).min(height) {
                    for c in column.saturating_sub(1)..(column + 2).min(width) {
                        if !std::mem::replace(&mut seen[r * width + c], true) {
                            queue.push_back(r * width + c);
                        }
                    }
                }
            }
            pieces.push(piece);
        }
        pieces
    }

    /// The box at full contrast, its longer side scaled to 20/28 of the field.
    fn scale(&self, bounds: Bounds, field: InputSize) -> Result<(Vec<f32>, InputSize), String> {
        let range = self.full - self.floor;
        let mut part = Vec::with_capacity(bounds.height() * bounds.width());
        for row in bounds.top..bounds.bottom {
            let row = &self.excess[row * self.size.width..][bounds.left..bounds.right];
            part.extend(row.iter().map(|x| ((x - self.floor) / range * 255.0).clamp(0.0, 255.0)));
        }
        let from = InputSize { height: bounds.height(), width: bounds.width() };
        let longer = (field.height.min(field.width) * BOX).div_ceil(FIELD) as f64;
        let factor = longer / from.height.max(from.width) as f64;
        let side = |n: usize| ((n as f64 * factor).round() as usize).max(1);
        let to = InputSize { height: side(from.height), width: side(from.width) };
        let mut part = resize_f32(&part, from, to)?;
        // Scaling made thin strokes grey; MNIST's are white.
        let full = full_ink(&part, 0.25 * part.iter().copied().fold(0.0, f32::max));
        part.iter_mut().for_each(|x| *x = (*x / full * 255.0).min(255.0));
        Ok((part, to))
    }
}

/// The 95th percentile of the values above `threshold`, so that a few glaring pixels do not count.
fn full_ink(values: &[f32], threshold: f32) -> f32 {
    let mut strokes: Vec<f32> = values.iter().copied().filter(|&x| x > threshold).collect();
    if strokes.is_empty() {
        return 255.0;
    }
    let most = strokes.len() * 19 / 20;
    *strokes.select_nth_unstable_by(most, f32::total_cmp).1
}

struct Piece {
    pixels: Vec<usize>,
    mass: f32,
    peak: f32,
}

/// A plane fitted to the background: paper is lit unevenly.
struct Plane {
    level: f32,
    per_row: f32,
    per_column: f32,
}

impl Plane {
    fn at(&self, i: usize, size: InputSize) -> f32 {
        let (y, x) = from_middle(i / size.width, i % size.width, size);
        self.level + self.per_row * y + self.per_column * x
    }
}

fn from_middle(row: usize, column: usize, size: InputSize) -> (f32, f32) {
    (row as f32 - (size.height - 1) as f32 / 2.0, column as f32 - (size.width - 1) as f32 / 2.0)
}

/// The plane fitted to the edges and the standard deviation of the noise around it. Pixels far off the plane (ink that
/// reaches the edge) are left out, and judged again in each of a few rounds.
fn background(grey: &[u8], size: InputSize) -> (Plane, f32) {
    let edge: Vec<(f32, f32, f32)> = edge_of(size)
        .map(|(row, column)| {
            let (y, x) = from_middle(row, column, size);
            (y, x, f32::from(grey[row * size.width + column]))
        })
        .collect();
    let mut levels: Vec<u8> = edge.iter().map(|e| e.2 as u8).collect();
    let mut plane = Plane { level: f32::from(*median(&mut levels)), per_row: 0.0, per_column: 0.0 };
    let mut sigma = 0.0;
    for _ in 0..8 {
        let off = |e: &(f32, f32, f32)| e.2 - plane.level - plane.per_row * e.0 - plane.per_column * e.1;
        let mut sizes: Vec<u32> = edge.iter().map(|e| (off(e).abs() * 256.0) as u32).collect();
        // 1.4826 turns the median deviation into the standard deviation of a normal distribution.
        sigma = *median(&mut sizes) as f32 / 256.0 * 1.4826;
        let near: Vec<_> =
            edge.iter().map(|e| (e.0, e.1, off(e))).filter(|e| e.2.abs() <= (3.0 * sigma).max(2.0)).collect();
        let n = near.len().max(1) as f32;
        let slope = |along: fn(&(f32, f32, f32)) -> f32| {
            let squares: f32 = near.iter().map(|e| along(e) * along(e)).sum();
            if squares > 0.0 { near.iter().map(|e| along(e) * e.2).sum::<f32>() / squares } else { 0.0 }
        };
        plane = Plane {
            level: plane.level + near.iter().map(|e| e.2).sum::<f32>() / n,
            per_row: plane.per_row + slope(|e| e.0),
            per_column: plane.per_column + slope(|e| e.1),
        };
    }
    (plane, sigma)
}

/// The pixels along the edges, to a depth of 1/32 of the picture.
fn edge_of(size: InputSize) -> impl Iterator<Item = (usize, usize)> {
    let InputSize { height, width } = size;
    let deep = (height.min(width) / 32).max(1);
    (0..height).flat_map(move |row| {
        let whole = row < deep || row + deep >= height;
        (0..width).filter(move |column| whole || *column < deep || column + deep >= width).map(move |c| (row, c))
    })
}

fn median<T: Ord>(values: &mut [T]) -> &T {
    let middle = values.len() / 2;
    values.select_nth_unstable(middle).1
}

/// The least and the greatest mean of 3x3 pixels, so that single specks and noise count for little.
fn blurred_range(pixels: impl Iterator<Item = f32>, size: InputSize) -> (f32, f32) {
    let InputSize { height, width } = size;
    let pixels: Vec<f32> = pixels.collect();
    let rows: Vec<f32> = (0..pixels.len())
        .map(|i| {
            let (start, column) = (i - i % width, i % width);
            pixels[start + column.saturating_sub(1)] + pixels[i] + pixels[start + (column + 1).min(width - 1)]
        })
        .collect();
    (0..pixels.len()).fold((f32::MAX, f32::MIN), |(low, high), i| {
        let above = if i < width { i } else { i - width };
        let below = if i / width + 1 == height { i } else { i + width };
        let mean = (rows[above] + rows[i] + rows[below]) / 9.0;
        (low.min(mean), high.max(mean))
    })
}

/// The level that splits the values into two groups with the least variance within each (Otsu 1979).
fn otsu(values: &[f32]) -> f32 {
    let mut counts = [0f64; 256];
    values.iter().for_each(|&x| counts[x.clamp(0.0, 255.0) as usize] += 1.0);
    let total: f64 = counts.iter().sum();
    let sum: f64 = counts.iter().enumerate().map(|(level, n)| level as f64 * n).sum();
    let (mut below, mut below_sum, mut best, mut threshold) = (0.0, 0.0, -1.0, 0);
    for (level, n) in counts.iter().enumerate() {
        below += n;
        below_sum += level as f64 * n;
        let between = (sum * below - below_sum * total).powi(2) / (below * (total - below)).max(1.0);
        if between > best {
            (best, threshold) = (between, level);
        }
    }
    threshold as f32
}

/// The centre of mass, as row and column indices.
fn mass(pixels: &[u8], width: usize) -> (f64, f64) {
    let (mut sum, mut rows, mut columns) = (0.0, 0.0, 0.0);
    for (i, &x) in pixels.iter().enumerate() {
        let x = f64::from(x);
        sum += x;
        rows += x * (i / width) as f64;
        columns += x * (i % width) as f64;
    }
    (rows / sum, columns / sum)
}

/// Places the digit in the field so that its centre of mass is as near to the middle as whole pixels and the edges allow.
/// Also returns the row and the column of the placement.
fn centre_mass(part: &[f32], from: InputSize, field: InputSize) -> (Vec<u8>, [usize; 2]) {
    let part: Vec<u8> = part.iter().map(|x| x.round() as u8).collect();
    let (row, column) = mass(&part, from.width);
    let offset = |field: usize, at: f64, n: usize| {
        ((field as f64 / 2.0 - at).round().max(0.0) as usize).min(field.saturating_sub(n))
    };
    let (top, left) = (offset(field.height, row, from.height), offset(field.width, column, from.width));
    let mut pixels = vec![0; field.height * field.width];
    for (i, row) in part.chunks_exact(from.width).enumerate() {
        pixels[(top + i) * field.width + left..][..from.width].copy_from_slice(row);
    }
    (pixels, [top, left])
}

#[cfg(test)]
mod tests;
