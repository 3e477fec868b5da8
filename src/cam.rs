//! Class-activation maps: where in the picture a network saw what speaks for a class.
//!
//! Zhou et al. (2016), "Learning Deep Features for Discriminative Localization". A DenseNet ends in a global average pool
//! and one fully connected layer. Both are linear, so they may change places: the classifier's weights at every pixel of the
//! last feature map, behind its norm and ReLU, give a map for each class,
//!
//! ```text
//! map[k][y][x] = sum over c of weight[k][c] * relu(norm5(features))[c][y][x]
//! ```
//!
//! and the mean of a class's map plus its bias is its logit. No gradient is needed: one more 1x1 convolution, which a
//! session that is asked for the tap [`TAP`] runs behind the others ([`Plan::with_class_maps`](crate::plan::Plan)).
//!
//! The rest of this room makes a map visible: negative values speak against the class and are cut off, the largest is 1, the
//! least 0, and what lies between the map's few pixels is interpolated.

use crate::error::{Error, Result};

/// The tap that holds the maps of all classes, `[N, classes, rows, columns]`.
pub const TAP: &str = "cam";

/// A class's map, from 0 (what speaks for the class least, or against it) to 1 (what speaks for it most).
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    height: usize,
    width: usize,
    values: Vec<f32>,
}

impl Heat {
    /// Normalises one class's map of `height` rows: negative values to 0, the largest to 1; where no value is negative, the
    /// least to 0, as Zhou et al. do. A map without a positive value is 0 everywhere, another of one value 1.
    ///
    /// # Errors
    /// [`Error::Input`] where `map` is empty or no rectangle of so many rows.
    pub fn of(map: &[f32], height: usize) -> Result<Heat> {
        if map.is_empty() || height == 0 || !map.len().is_multiple_of(height) {
            return Err(Error::Input(format!("{} values are no class map of {height} rows", map.len())));
        }
        let most = map.iter().copied().fold(0.0, f32::max);
        let least = map.iter().copied().fold(f32::INFINITY, f32::min).max(0.0);
        let least = if least < most { least } else { 0.0 };
        let scale = if most > 0.0 { (most - least).recip() } else { 0.0 };
        // Of a number so small that its reciprocal is infinite, nothing can be seen.
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

    /// The heat at a place of the network's input, `x` to the right and `y` down from 0 to 1; bilinear between the middles
    /// of the map's pixels, constant beyond the outermost.
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

#[cfg(feature = "images")]
mod overlay {
    use super::Heat;
    use crate::error::Result;
    use crate::image::{Decoded, Region};

    /// The colour of a heat of 0 to 1: matplotlib's inferno, whose lightness grows evenly, from black to pale yellow.
    pub fn colour(heat: f32) -> [u8; 3] {
        let colour = colorous::INFERNO.eval_continuous(f64::from(heat).clamp(0.0, 1.0));
        [colour.r, colour.g, colour.b]
    }

    impl Heat {
        /// The picture with the heat on it: interleaved red, green, blue, as many pixels as `picture` has. `region` is where
        /// the network looked ([`crate::image::Prepared::region`]); what lies outside stays as it is. `opacity` from 0 (the
        /// picture alone) to 1 is that of the hottest place.
        ///
        /// # Errors
        /// As [`Decoded::pixels`].
        pub fn over(&self, picture: &Decoded, region: &Region, opacity: f32) -> Result<Vec<u8>> {
            let mut pixels = picture.pixels(3)?;
            for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
                let (row, column) = (i / picture.width(), i % picture.width());
                let x = (column as f64 + 0.5 - region.left) / region.width;
                let y = (row as f64 + 0.5 - region.top) / region.height;
                if !(0.0..1.0).contains(&x) || !(0.0..1.0).contains(&y) {
                    continue;
                }
                let heat = self.at(x, y);
                // Cold places show the picture.
                let share = opacity.clamp(0.0, 1.0) * heat;
                for (below, above) in pixel.iter_mut().zip(colour(heat)) {
                    let mixed = f32::from(*below) + (f32::from(above) - f32::from(*below)) * share;
                    *below = mixed.round() as u8;
                }
            }
            Ok(pixels)
        }

        /// The heat alone, to be laid over [`Region`]: `width` x `height` interleaved pixels of red, green, blue and
        /// (straight) alpha, as [`Heat::over`] lays it at full opacity.
        pub fn picture(&self, width: usize, height: usize) -> Vec<u8> {
            let place = |i: usize, n: usize| (i as f64 + 0.5) / n as f64;
            let pixel = |i: usize| {
                let heat = self.at(place(i % width, width), place(i / width, height));
                let [red, green, blue] = colour(heat);
                [red, green, blue, (heat * 255.0).round() as u8]
            };
            (0..width * height).flat_map(pixel).collect()
        }
    }
}

#[cfg(feature = "images")]
pub use overlay::colour;

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
            assert!(Heat::of(map, height).unwrap_err().to_string().contains("no class map"));
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

    #[cfg(feature = "images")]
    mod overlay {
        use super::super::*;
        use crate::image::{Decoded, Region};

        const WHOLE: Region = Region { left: 0.0, top: 0.0, width: 4.0, height: 2.0 };

        fn grey() -> Decoded {
            Decoded::from_pixels(4, 2, 1, vec![100; 8], "grey").unwrap()
        }

        #[test]
        fn colours_grow_lighter() {
            let light = |heat: f32| colour(heat).map(u32::from).iter().sum::<u32>();
            let lights: Vec<u32> = (0..=10).map(|i| light(i as f32 / 10.0)).collect();
            assert!(lights.is_sorted(), "{lights:?}");
            assert_eq!((colour(-1.0), colour(2.0)), (colour(0.0), colour(1.0)));
        }

        #[test]
        fn heat_lies_where_the_network_looked() {
            let heat = Heat::of(&[1.0], 1).unwrap();
            let left = Region { left: -2.0, width: 4.0, ..WHOLE };
            let pixels = heat.over(&grey(), &left, 1.0).unwrap();
            for (i, pixel) in pixels.chunks_exact(3).enumerate() {
                assert_eq!(pixel, if i % 4 < 2 { colour(1.0) } else { [100; 3] }, "pixel {i}");
            }
        }

        #[test]
        fn without_heat_or_opacity_the_picture_is_untouched() {
            let (hot, cold) = (Heat::of(&[1.0], 1).unwrap(), Heat::of(&[-1.0], 1).unwrap());
            assert_eq!(hot.over(&grey(), &WHOLE, 0.0).unwrap(), [100; 24]);
            assert_eq!(cold.over(&grey(), &WHOLE, 1.0).unwrap(), [100; 24]);
            let half = hot.over(&grey(), &WHOLE, 0.5).unwrap();
            assert_eq!(half[0], ((100.0 + f32::from(colour(1.0)[0])) / 2.0).round() as u8);
        }

        #[test]
        fn the_heat_alone_is_transparent_where_it_is_cold() {
            let pixels = Heat::of(&[0.0, 1.0], 1).unwrap().picture(2, 1);
            assert_eq!(pixels[3], 0, "cold");
            assert_eq!(pixels[4..], [&colour(1.0)[..], &[255]].concat());
        }
    }
}
