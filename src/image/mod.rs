//! From a picture to a network's input: decode, resize, crop, normalise.
//!
//! ```no_run
//! use densenet_wgpu::{Preset, image};
//!
//! let picture = image::Decoded::open("cat.jpg")?;
//! let preset = Preset::named("torchvision").expect("a name of preset::NAMES");
//! let prepared = image::prepare(&picture, &preset, 3, None)?;
//! assert_eq!(prepared.data.len(), 3 * 224 * 224);
//! # Ok::<(), densenet_wgpu::Error>(())
//! ```

mod decode;
mod mnist;
mod range;
mod resize;

use crate::architecture::InputSize;
use crate::error::{Error, Result};
use crate::preset::{Colour, MOST_PIXELS, Preset, Resize};

pub use decode::{Decoded, MOST_BYTES, MOST_SIDE};
use resize::Picture;

/// Where a network's input lies in a picture, in that picture's pixels from its upper left corner. It reaches beyond the
/// edges where the preparation pads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Distance of its left edge.
    pub left: f64,
    /// Distance of its upper edge.
    pub top: f64,
    /// Pixels across.
    pub width: f64,
    /// Pixels down.
    pub height: f64,
}

impl Region {
    fn whole(size: InputSize) -> Region {
        Region { left: 0.0, top: 0.0, width: size.width as f64, height: size.height as f64 }
    }
}

/// A picture ready for a network.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// Normalised values: channel, row, column.
    pub data: Vec<f32>,
    /// Rows and columns of `data`.
    pub size: InputSize,
    /// The same before normalisation, to look at: interleaved pixels, grey or red, green, blue.
    pub pixels: Vec<u8>,
    /// Where in the picture they come from.
    pub region: Region,
    /// What looks wrong, one line each.
    pub warnings: Vec<String>,
}

/// Prepares a picture for a network of `input_channels` (1 or 3). `size` is the network's input where it differs from
/// the preset's: see [`Preset::with_size`].
///
/// # Errors
/// [`Error::Input`] for another number of channels, a preset that cannot be, or a size out of range;
/// [`Error::File`] where the picture's proportions cannot be resized.
pub fn prepare(picture: &Decoded, preset: &Preset, input_channels: usize, size: Option<InputSize>) -> Result<Prepared> {
    preset.validate().map_err(|reason| Error::Input(format!("preset '{}': {reason}", preset.name)))?;
    if let Some(size) = size
        && ![size.height, size.width].iter().all(|side| (1..=MOST_PIXELS).contains(side))
    {
        return Err(Error::Input(format!("size {size} is out of range: sides of 1 to {MOST_PIXELS} are possible")));
    }
    let sized = size.map(|size| preset.with_size(size));
    let preset = sized.as_ref().unwrap_or(preset);
    let mut warnings: Vec<String> = range::of_preset(preset).into_iter().collect();
    let refuse = |reason| Error::file(&picture.origin, reason);
    let (fitted, region) = if preset.resize == Resize::Digit {
        digit(picture, preset, input_channels, &mut warnings)?
    } else {
        let from = InputSize { height: picture.height, width: picture.width };
        let source = Picture { size: from, channels: input_channels, pixels: picture.pixels(input_channels)? };
        warnings.extend(range::of_pixels(&source.pixels));
        let to = resize::target(from, preset.resize).map_err(refuse)?;
        let resized = resize::resize(source, to, preset.filter).map_err(refuse)?;
        let region = resize::cropped_region(from, to, preset.crop.unwrap_or(to));
        let cropped = match preset.crop {
            Some(crop) => resize::centre_crop(resized, crop),
            None => resized,
        };
        (cropped, region)
    };
    let data = normalise(&fitted, preset, &mut warnings);
    Ok(Prepared { data, size: fitted.size, pixels: fitted.pixels, region, warnings })
}

fn digit(picture: &Decoded, preset: &Preset, channels: usize, warnings: &mut Vec<String>) -> Result<(Picture, Region)> {
    let from = InputSize { height: picture.height, width: picture.width };
    let size = preset.size().expect("Resize::Digit has a size");
    let refuse = |reason| Error::file(&picture.origin, reason);
    let mut found = mnist::lay_out(&picture.pixels(1)?, from, size).map_err(refuse)?;
    // Light ink on nothing is white on white: then the ink is in the alpha channel.
    if let (None, Some(alpha)) = (&found, &picture.alpha) {
        found = mnist::lay_out(alpha, from, size).map_err(refuse)?;
    }
    let (grey, region) = match found {
        Some(digit) => {
            warnings.extend(digit.warnings);
            (digit.pixels, digit.region)
        }
        None => {
            warnings.push("no digit was found: the picture is blank, or its ink hardly differs from the paper".into());
            (vec![0; size.height * size.width], Region::whole(from))
        }
    };
    let pixels = Decoded::from_pixels(size.width, size.height, 1, grey, &picture.origin)?.pixels(channels)?;
    Ok((Picture { size, channels, pixels }, region))
}

/// `(pixel * scale - mean) / std`, planes one after the other.
fn normalise(picture: &Picture, preset: &Preset, warnings: &mut Vec<String>) -> Vec<f32> {
    let n = picture.channels;
    let (mut mean, mut std) = (preset.mean.clone(), preset.std.clone());
    if n == 1 && mean.len() == 3 {
        let middle = |numbers: &[f64]| vec![numbers.iter().sum::<f64>() / numbers.len() as f64];
        (mean, std) = (middle(&mean), middle(&std));
        warnings.push(format!(
            "the preset has the statistics of three channels, but the network takes one: their averages are used, mean \
             {:.4} and std {:.4}",
            mean[0], std[0]
        ));
    }
    let mut data = Vec::with_capacity(picture.pixels.len());
    for channel in 0..n {
        let source = if preset.colour == Colour::Bgr { n - 1 - channel } else { channel };
        let (mean, std) = (mean[channel % mean.len()], std[channel % std.len()]);
        let table: Vec<f32> = (0..256).map(|x| ((f64::from(x) * preset.scale - mean) / std) as f32).collect();
        data.extend(picture.pixels.iter().skip(source).step_by(n).map(|&x| table[usize::from(x)]));
    }
    data
}

#[cfg(test)]
mod tests;
