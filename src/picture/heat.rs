//! Class-activation maps: where in the picture a network saw what speaks for a class.
//!
//! Zhou et al. (2016), "Learning Deep Features for Discriminative Localization". A DenseNet ends in a global average pool
//! and one fully connected layer. Both are linear, so they commute: applying the classifier's weights at every pixel of the
//! last feature map, after its norm and ReLU, gives a map for each class,
//!
//! ```text
//! map[k][y][x] = sum over c of weight[k][c] * relu(norm5(features))[c][y][x]
//! ```
//!
//! and the mean of a class's map plus its bias is its logit. No gradient is needed, only one more 1x1 convolution. A
//! session runs it after the other steps if the tap [`CLASS_MAPS`](crate::CLASS_MAPS) is requested.
//!
//! This file prepares a map for display: negative values, which speak against the class, become 0, the largest becomes 1,
//! and the map's few pixels are interpolated.

use crate::error::{Error, Result};

/// A class's map, from 0 (no evidence for the class) to 1 (the strongest evidence).
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    height: usize,
    width: usize,
    values: Vec<f32>,
}

impl Heat {
    /// Normalises one class's map of `height` rows: negative values become 0 and the largest 1. If no value is negative, the
    /// least becomes 0, as in Zhou et al. A map without a positive value becomes 0 everywhere, a positive constant 1.
    ///
    /// # Errors
    /// [`Error::Input`] where `map` is empty or not a rectangle of that many rows.
    pub fn of(map: &[f32], height: usize) -> Result<Heat> {
        if map.is_empty() || height == 0 || !map.len().is_multiple_of(height) {
            return Err(Error::Input(format!("{} values are not a class map of {height} rows", map.len())));
        }
        let most = map.iter().copied().fold(0.0, f32::max);
        let least = map.iter().copied().fold(f32::INFINITY, f32::min).max(0.0);
        let least = if least < most { least } else { 0.0 };
        let scale = if most > 0.0 { (most - least).recip() } else { 0.0 };
        // A map so faint that the reciprocal is infinite shows nothing.
        let scale = if scale.is_finite() { scale } else { 0.0 };
        let values = map.iter().map(|value| ((value - least) * scale).clamp(0.0, 1.0)).collect();
        Ok(Heat { height, width: map.len() / height, values })
    }

    /// The map of class `class` among maps `[classes, rows, columns]` of one image.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no such class, or the maps have no pixels.
    pub fn of_class(maps: &[f32], [classes, height, width]: [usize; 3], class: usize) -> Result<Heat> {
        let pixels = height * width;
        if class >= classes || maps.len() != classes * pixels {
            let values = maps.len();
            return Err(Error::Input(format!(
                "there is no class {class} among {classes} maps of {height}x{width} pixels ({values} values)"
            )));
        }
        Heat::of(&maps[class * pixels..][..pixels], height)
    }

    /// Rows and columns of the map itself.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// The map's own pixels, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The heat at a point of the network's input, `x` to the right and `y` down from 0 to 1: bilinear between the centres of
    /// the map's pixels, constant beyond the outermost.
    pub fn at(&self, x: f64, y: f64) -> f32 {
        let axis = |place: f64, n: usize| {
            let place = (place * n as f64 - 0.5).clamp(0.0, (n - 1) as f64);
            let first = (place as usize).min(n - 1);
            (first, (first + 1).min(n - 1), (place - first as f64) as f32)
        };
        let ((left, right, across), (top, bottom, down)) = (axis(x, self.width), axis(y, self.height));
        let row = |row: usize| {
            let row = &self.values[row * self.width..][..self.width];
            row[left] + (row[right] - row[left]) * across
        };
        row(top) + (row(bottom) - row(top)) * down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_becomes_one_and_what_is_negative_nothing() {
        let heat = Heat::of(&[-3.0, 1.0, 4.0, 0.0, 2.0, -0.5], 2).unwrap();
        assert_eq!((heat.size(), heat.values()), ([2, 3], &[0.0, 0.25, 1.0, 0.0, 0.5, 0.0][..]));
        assert_eq!(Heat::of(&[2.0, 4.0, 3.0], 1).unwrap().values(), [0.0, 1.0, 0.5]);
        assert_eq!(Heat::of(&[3.0, 3.0], 2).unwrap().values(), [1.0, 1.0]);
        for map in [[-1.0, -2.0], [0.0, 0.0], [1e-45, 0.0]] {
            assert_eq!(Heat::of(&map, 1).unwrap().values(), [0.0, 0.0]);
        }
        for (map, height) in [(&[][..], 1), (&[1.0, 2.0, 3.0], 2), (&[1.0], 0)] {
            assert!(Heat::of(map, height).unwrap_err().to_string().contains("not a class map"));
        }
    }

    #[test]
    fn a_class_is_its_slice_of_the_maps() {
        let maps = [0.0, 1.0, 4.0, 2.0];
        assert_eq!(Heat::of_class(&maps, [2, 1, 2], 1).unwrap().values(), [1.0, 0.0]);
        assert!(Heat::of_class(&maps, [2, 1, 2], 2).unwrap_err().to_string().contains("no class 2"));
        assert!(Heat::of_class(&maps, [2, 2, 2], 0).is_err());
    }

    #[test]
    fn between_middles_heat_is_interpolated_and_beyond_them_constant() {
        let heat = Heat::of(&[0.0, 1.0, 0.0, 0.5], 2).unwrap();
        for (x, y, want) in [
            (0.25, 0.25, 0.0),
            (0.75, 0.25, 1.0),
            (0.5, 0.25, 0.5),
            (0.75, 0.5, 0.75),
            (0.5, 0.5, 0.375),
            (1.0, 0.0, 1.0),
            (0.0, 1.0, 0.0),
            (7.0, -3.0, 1.0),
        ] {
            assert!((heat.at(x, y) - want).abs() < 1e-6, "({x}, {y}): {}", heat.at(x, y));
        }
    }
}
