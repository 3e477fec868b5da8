//! Feature maps as one picture, for a grid.

use densenet_wgpu::FeatureMaps;
use eframe::egui::{Color32, ColorImage, Pos2, Rect, pos2};

/// Maximum side of an atlas in pixels: every adapter can show it, and it uploads within a frame.
const MAX_SIDE: usize = 2048;

/// The range and mean of one map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) least: f32,
    pub(crate) most: f32,
    pub(crate) mean: f32,
}

/// Maps side by side in one picture. Each is scaled by its own range: its least value is dark, its greatest light.
#[derive(Clone, Debug)]
pub(crate) struct Atlas {
    pub(crate) image: ColorImage,
    /// The range of each map.
    pub(crate) ranges: Vec<Range>,
    /// Rows and columns of a map.
    pub(crate) size: [usize; 2],
    /// Rows and columns of a map in the picture: fewer if the maps would not fit otherwise.
    cell: [usize; 2],
    columns: usize,
}

impl Atlas {
    /// The first `channels` maps of the first image of a tap.
    pub(crate) fn of(tap: &FeatureMaps, channels: usize) -> Atlas {
        let channels = channels.min(tap.channels).max(1);
        let (mut height, mut width) = (tap.height, tap.width);
        // A border of one pixel keeps neighbours from bleeding in.
        let columns = loop {
            let columns = (MAX_SIDE / (width + 1)).min(channels).max(1);
            if channels.div_ceil(columns) * (height + 1) <= MAX_SIDE && width < MAX_SIDE {
                break (channels as f64 * (height + 1) as f64 / (width + 1) as f64).sqrt().ceil() as usize;
            }
            (height, width) = (height.div_ceil(2), width.div_ceil(2));
        };
        let columns = columns.clamp(channels.div_ceil(MAX_SIDE / (height + 1)), MAX_SIDE / (width + 1));
        let rows = channels.div_ceil(columns);
        let mut image = ColorImage::filled([columns * (width + 1), rows * (height + 1)], Color32::BLACK);
        let table: Vec<Color32> = (0..=255u8)
            .map(|level| {
                let [red, green, blue] = densenet_wgpu::picture::heat_colour(f32::from(level) / 255.0);
                Color32::from_rgb(red, green, blue)
            })
            .collect();
        let mut ranges = Vec::with_capacity(channels);
        let stride = image.size[0];
        for (index, map) in tap.data.chunks_exact(tap.height * tap.width).take(channels).enumerate() {
            let range = Range::of(map);
            let scale = if range.most > range.least { 255.0 / (range.most - range.least) } else { 0.0 };
            let (top, left) = (index / columns * (height + 1), index % columns * (width + 1));
            for row in 0..height {
                let source = &map[row * tap.height / height * tap.width..][..tap.width];
                let target = &mut image.pixels[(top + row) * stride + left..][..width];
                for (column, pixel) in target.iter_mut().enumerate() {
                    let value = source[column * tap.width / width];
                    *pixel = table[((value - range.least) * scale) as u8 as usize];
                }
            }
            ranges.push(range);
        }
        Atlas { image, ranges, size: [tap.height, tap.width], cell: [height, width], columns }
    }

    /// The place of a map in the picture, as texture coordinates.
    pub(crate) fn place(&self, index: usize) -> Rect {
        let [height, width] = self.cell;
        let size = self.image.size.map(|n| n as f32);
        let (row, column) = (index / self.columns, index % self.columns);
        let at = |x: usize, y: usize| -> Pos2 { pos2(x as f32 / size[0], y as f32 / size[1]) };
        let (left, top) = (column * (width + 1), row * (height + 1));
        Rect::from_min_max(at(left, top), at(left + width, top + height))
    }

    /// How many maps differ from all maps before them.
    pub(crate) fn distinct(&self) -> usize {
        let [height, width] = self.cell;
        let stride = self.image.size[0];
        let pixels = |index: usize| -> Vec<Color32> {
            let (top, left) = (index / self.columns * (height + 1), index % self.columns * (width + 1));
            (0..height).flat_map(|row| self.image.pixels[(top + row) * stride + left..][..width].to_vec()).collect()
        };
        let maps: std::collections::HashSet<Vec<Color32>> = (0..self.ranges.len()).map(pixels).collect();
        maps.len()
    }
}

impl Range {
    fn of(map: &[f32]) -> Range {
        let least = map.iter().copied().fold(f32::INFINITY, f32::min);
        let most = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Range { least, most, mean: map.iter().sum::<f32>() / map.len() as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(channels: usize, height: usize, width: usize) -> FeatureMaps {
        let data = (0..channels * height * width).map(|i| (i % 977) as f32).collect();
        FeatureMaps { channels, height, width, data }
    }

    #[test]
    fn a_map_goes_from_its_least_to_its_greatest_value() {
        let value = FeatureMaps { channels: 2, height: 1, width: 3, data: vec![-1.0, 0.0, 1.0, 5.0, 5.0, 5.0] };
        let atlas = Atlas::of(&value, 2);
        assert_eq!(atlas.ranges[0], Range { least: -1.0, most: 1.0, mean: 0.0 });
        let [dark, light] =
            [0.0, 1.0].map(densenet_wgpu::picture::heat_colour).map(|[r, g, b]| Color32::from_rgb(r, g, b));
        assert_eq!((atlas.image.pixels[0], atlas.image.pixels[2]), (dark, light));
        assert_eq!(atlas.distinct(), 2);
    }

    #[test]
    fn places_do_not_overlap_and_stay_inside() {
        for (channels, height, width) in
            [(1, 1, 1), (5, 7, 3), (1024, 7, 7), (2208, 56, 56), (3, 4000, 3), (64, 112, 112)]
        {
            let atlas = Atlas::of(&tap(channels, height, width), channels);
            assert!(atlas.image.size.iter().all(|&n| n <= MAX_SIDE), "{:?}", atlas.image.size);
            assert_eq!(atlas.ranges.len(), channels);
            let inside = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)).expand(1e-6);
            for index in [0, channels / 2, channels - 1] {
                assert!(inside.contains_rect(atlas.place(index)), "{channels} {index}");
            }
            if channels > 1 {
                assert!(!atlas.place(0).intersects(atlas.place(1).shrink(1e-6)));
            }
        }
    }

    #[test]
    fn equal_maps_are_counted_once() {
        let value = FeatureMaps { channels: 3, height: 1, width: 2, data: vec![0.0, 1.0, 0.0, 2.0, 1.0, 0.0] };
        assert_eq!(Atlas::of(&value, 3).distinct(), 2);
        assert_eq!(Atlas::of(&value, 1).ranges.len(), 1);
    }
}
