//! Decoded pixels, as a network takes them.

use super::decode::Picture;
use super::preprocessing::{Colour, MAX_PIXELS, Preprocessing, Resize};
use super::region::Region;
use super::resize::Pixels;
use super::{digit, range, resize};
use crate::architecture::InputSize;
use crate::error::{Error, Result};

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
/// the preprocessing's: see [`Preprocessing::with_size`].
///
/// # Errors
/// [`Error::Input`] for another number of channels, a preprocessing that cannot be, or a size out of range;
/// [`Error::File`] where the picture's proportions cannot be resized.
pub fn prepare(
    picture: &Picture,
    preprocessing: &Preprocessing,
    input_channels: usize,
    size: Option<InputSize>,
) -> Result<Prepared> {
    preprocessing
        .validate()
        .map_err(|reason| Error::Input(format!("preprocessing '{}': {reason}", preprocessing.name)))?;
    if let Some(size) = size
        && ![size.height, size.width].iter().all(|side| (1..=MAX_PIXELS).contains(side))
    {
        return Err(Error::Input(format!("size {size} is out of range: sides of 1 to {MAX_PIXELS} are possible")));
    }
    let sized = size.map(|size| preprocessing.with_size(size));
    let preprocessing = sized.as_ref().unwrap_or(preprocessing);
    let mut warnings: Vec<String> = range::of_preprocessing(preprocessing).into_iter().collect();
    let refuse = |reason| Error::file(&picture.origin, reason);
    let (fitted, region) = if preprocessing.resize == Resize::Digit {
        digit(picture, preprocessing, input_channels, &mut warnings)?
    } else {
        let from = InputSize { height: picture.height, width: picture.width };
        let source = Pixels { size: from, channels: input_channels, pixels: picture.pixels(input_channels)? };
        warnings.extend(range::of_pixels(&source.pixels));
        let to = resize::target(from, preprocessing.resize).map_err(refuse)?;
        let resized = resize::resize(source, to, preprocessing.filter).map_err(refuse)?;
        let region = resize::cropped_region(from, to, preprocessing.crop.unwrap_or(to));
        let cropped = match preprocessing.crop {
            Some(crop) => resize::centre_crop(resized, crop),
            None => resized,
        };
        (cropped, region)
    };
    let data = normalise(&fitted, preprocessing, &mut warnings);
    Ok(Prepared { data, size: fitted.size, pixels: fitted.pixels, region, warnings })
}

fn digit(
    picture: &Picture,
    preprocessing: &Preprocessing,
    channels: usize,
    warnings: &mut Vec<String>,
) -> Result<(Pixels, Region)> {
    let from = InputSize { height: picture.height, width: picture.width };
    let size = preprocessing.size().expect("Resize::Digit has a size");
    let refuse = |reason| Error::file(&picture.origin, reason);
    let mut found = digit::lay_out(&picture.pixels(1)?, from, size).map_err(refuse)?;
    // Light ink on nothing is white on white: then the ink is in the alpha channel.
    if let (None, Some(alpha)) = (&found, &picture.alpha) {
        found = digit::lay_out(alpha, from, size).map_err(refuse)?;
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
    let pixels = Picture::from_pixels(size.width, size.height, 1, grey, &picture.origin)?.pixels(channels)?;
    Ok((Pixels { size, channels, pixels }, region))
}

/// `(pixel * scale - mean) / std`, planes one after the other.
fn normalise(picture: &Pixels, preprocessing: &Preprocessing, warnings: &mut Vec<String>) -> Vec<f32> {
    let n = picture.channels;
    let (mut mean, mut std) = (preprocessing.mean.clone(), preprocessing.std.clone());
    if n == 1 && mean.len() == 3 {
        let middle = |numbers: &[f64]| vec![numbers.iter().sum::<f64>() / numbers.len() as f64];
        (mean, std) = (middle(&mean), middle(&std));
        warnings.push(format!(
            "the preprocessing has the statistics of three channels, but the network takes one: their averages are used, mean \
             {:.4} and std {:.4}",
            mean[0], std[0]
        ));
    }
    let mut data = Vec::with_capacity(picture.pixels.len());
    for channel in 0..n {
        let source = if preprocessing.colour == Colour::Bgr { n - 1 - channel } else { channel };
        let (mean, std) = (mean[channel % mean.len()], std[channel % std.len()]);
        let table: Vec<f32> = (0..256).map(|x| ((f64::from(x) * preprocessing.scale - mean) / std) as f32).collect();
        data.extend(picture.pixels.iter().skip(source).step_by(n).map(|&x| table[usize::from(x)]));
    }
    data
}

#[cfg(test)]
mod tests;
