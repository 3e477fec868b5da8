//! From decoded pixels to a network's input.

use super::decode::Picture;
use super::pixels::Pixels;
use super::preprocessing::{Colour, MAX_PIXELS, Preprocessing, Resize};
use super::region::Region;
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
    /// The pixels before normalisation, for display: interleaved, grey or red, green, blue.
    pub pixels: Vec<u8>,
    /// Where in the picture they come from.
    pub region: Region,
    /// Warnings about the picture or the preprocessing, one line each.
    pub warnings: Vec<String>,
}

/// Prepares a picture for a network of `input_channels` (1 or 3). `size` is the network's input size if it is not the
/// preprocessing's: see [`Preprocessing::with_size`].
///
/// # Errors
/// [`Error::Input`] for another number of channels, an impossible preprocessing, or a size out of range;
/// [`Error::File`] where the resized picture would be too large.
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
        let source = picture.pixels_of(input_channels)?;
        let from = source.size;
        warnings.extend(range::of_pixels(&source.data));
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
    Ok(Prepared { data, size: fitted.size, pixels: fitted.data, region, warnings })
}

fn digit(
    picture: &Picture,
    preprocessing: &Preprocessing,
    channels: usize,
    warnings: &mut Vec<String>,
) -> Result<(Pixels, Region)> {
    let from = picture.pixels.size;
    let size = preprocessing.size().expect("Resize::Digit has a size");
    let refuse = |reason| Error::file(&picture.origin, reason);
    let mut found = digit::lay_out(&picture.pixels(1)?, from, size).map_err(refuse)?;
    // Light ink on a transparent ground is white on white, but the alpha channel shows it.
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
    let grey = Pixels { size, channels: 1, data: grey };
    let fitted = grey.with_channels(channels).ok_or_else(|| picture.refuse_channels(channels))?;
    Ok((fitted, region))
}

/// `(pixel * scale - mean) / std`, planes one after the other.
fn normalise(picture: &Pixels, preprocessing: &Preprocessing, warnings: &mut Vec<String>) -> Vec<f32> {
    let n = picture.channels;
    let (mut mean, mut std) = (preprocessing.mean.clone(), preprocessing.std.clone());
    if n == 1 && mean.len() == 3 {
        let middle = |numbers: &[f64]| vec![numbers.iter().sum::<f64>() / numbers.len() as f64];
        (mean, std) = (middle(&mean), middle(&std));
        warnings.push(format!(
            "the preprocessing has statistics for three channels, but the network takes one: their averages are used, mean \
             {:.4} and std {:.4}",
            mean[0], std[0]
        ));
    }
    let mut data = Vec::with_capacity(picture.data.len());
    for channel in 0..n {
        let source = if preprocessing.colour == Colour::Bgr { n - 1 - channel } else { channel };
        let (mean, std) = (mean[channel % mean.len()], std[channel % std.len()]);
        let table: Vec<f32> = (0..256).map(|x| ((f64::from(x) * preprocessing.scale - mean) / std) as f32).collect();
        data.extend(picture.data.iter().skip(source).step_by(n).map(|&x| table[usize::from(x)]));
    }
    data
}

#[cfg(test)]
mod tests;
