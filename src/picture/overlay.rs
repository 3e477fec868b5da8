//! Drawing a class map: its colours, and how it lies over the picture.

use super::decode::Picture;
use super::heat::Heat;
use super::region::Region;
use crate::error::Result;

/// The colour of a heat from 0 to 1: matplotlib's inferno, from black to pale yellow with evenly growing lightness.
pub fn heat_colour(heat: f32) -> [u8; 3] {
    let colour = colorous::INFERNO.eval_continuous(f64::from(heat).clamp(0.0, 1.0));
    [colour.r, colour.g, colour.b]
}

impl Heat {
    /// The picture with the heat laid over it: interleaved red, green, blue, as many pixels as `picture` has. `region` is
    /// where the network looked ([`crate::picture::Prepared::region`]); the rest stays as it is. `opacity`, from 0 (the
    /// picture alone) to 1, is that of the hottest place.
    ///
    /// # Errors
    /// As [`Picture::pixels`].
    pub fn over(&self, picture: &Picture, region: &Region, opacity: f32) -> Result<Vec<u8>> {
        let mut pixels = picture.pixels(3)?;
        for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let (row, column) = (i / picture.width(), i % picture.width());
            let x = (column as f64 + 0.5 - region.left) / region.width;
            let y = (row as f64 + 0.5 - region.top) / region.height;
            if !(0.0..1.0).contains(&x) || !(0.0..1.0).contains(&y) {
                continue;
            }
            let heat = self.at(x, y);
            // Opacity grows with heat, so that cold places show the picture.
            let share = opacity.clamp(0.0, 1.0) * heat;
            for (below, above) in pixel.iter_mut().zip(heat_colour(heat)) {
                let mixed = f32::from(*below) + (f32::from(above) - f32::from(*below)) * share;
                *below = mixed.round() as u8;
            }
        }
        Ok(pixels)
    }

    /// The heat alone, to be laid over [`Region`]: `width` x `height` interleaved pixels of red, green, blue and
    /// (straight) alpha. Blended, they give what [`Heat::over`] gives at full opacity.
    pub fn picture(&self, width: usize, height: usize) -> Vec<u8> {
        let place = |i: usize, n: usize| (i as f64 + 0.5) / n as f64;
        let pixel = |i: usize| {
            let heat = self.at(place(i % width, width), place(i / width, height));
            let [red, green, blue] = heat_colour(heat);
            [red, green, blue, (heat * 255.0).round() as u8]
        };
        (0..width * height).flat_map(pixel).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Region = Region { left: 0.0, top: 0.0, width: 4.0, height: 2.0 };

    fn grey() -> Picture {
        Picture::from_pixels(4, 2, 1, vec![100; 8], "grey").unwrap()
    }

    #[test]
    fn colours_grow_lighter() {
        let light = |heat: f32| heat_colour(heat).map(u32::from).iter().sum::<u32>();
        let lights: Vec<u32> = (0..=10).map(|i| light(i as f32 / 10.0)).collect();
        assert!(lights.is_sorted(), "{lights:?}");
        assert_eq!((heat_colour(-1.0), heat_colour(2.0)), (heat_colour(0.0), heat_colour(1.0)));
    }

    #[test]
    fn heat_lies_where_the_network_looked() {
        let heat = Heat::of(&[1.0], 1).unwrap();
        let left = Region { left: -2.0, width: 4.0, ..WHOLE };
        let pixels = heat.over(&grey(), &left, 1.0).unwrap();
        for (i, pixel) in pixels.chunks_exact(3).enumerate() {
            assert_eq!(pixel, if i % 4 < 2 { heat_colour(1.0) } else { [100; 3] }, "pixel {i}");
        }
    }

    #[test]
    fn without_heat_or_opacity_the_picture_is_untouched() {
        let (hot, cold) = (Heat::of(&[1.0], 1).unwrap(), Heat::of(&[-1.0], 1).unwrap());
        assert_eq!(hot.over(&grey(), &WHOLE, 0.0).unwrap(), [100; 24]);
        assert_eq!(cold.over(&grey(), &WHOLE, 1.0).unwrap(), [100; 24]);
        let half = hot.over(&grey(), &WHOLE, 0.5).unwrap();
        assert_eq!(half[0], ((100.0 + f32::from(heat_colour(1.0)[0])) / 2.0).round() as u8);
    }

    #[test]
    fn the_heat_alone_is_transparent_where_it_is_cold() {
        let pixels = Heat::of(&[0.0, 1.0], 1).unwrap().picture(2, 1);
        assert_eq!(pixels[3], 0, "cold");
        assert_eq!(pixels[4..], [&heat_colour(1.0)[..], &[255]].concat());
    }
}
