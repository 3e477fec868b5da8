//! What images of a run must be.

use crate::architecture::InputSize;
use crate::error::{Error, Result};

/// The number of images, if `images` are whole images of finite numbers.
///
/// # Errors
/// [`Error::Input`] where they are not, or where there is none.
pub(crate) fn check(images: &[f32], channels: usize, size: InputSize) -> Result<usize> {
    let image = channels * size.height * size.width;
    if images.is_empty() || !images.len().is_multiple_of(image) {
        return Err(Error::Input(format!(
            "{} values are no whole number of images: each has {channels} channels of {size} pixels, {image} values in NCHW order",
            images.len()
        )));
    }
    match images.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::Input(format!(
            "image {} holds {} at element {}: only finite numbers can be run",
            at / image,
            images[at],
            at % image
        ))),
        None => Ok(images.len() / image),
    }
}

/// `count`, if so many images fit a pass of `batch`.
///
/// # Errors
/// [`Error::Input`] where they do not.
pub(crate) fn fit_one_pass(count: usize, batch: usize) -> Result<usize> {
    match count <= batch {
        true => Ok(count),
        false => Err(Error::Input(format!("{count} images do not fit one pass of {batch}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::architecture::InputSize;

    #[test]
    fn only_whole_images_of_finite_numbers_pass() {
        let size = InputSize { height: 1, width: 2 };
        let text = |images: &[f32]| check(images, 3, size).map_err(|error| error.to_string());
        assert_eq!(text(&[0.0; 12]), Ok(2));
        assert!(text(&[]).unwrap_err().contains("0 values are no whole number of images"));
        assert!(text(&[0.0; 7]).unwrap_err().contains("each has 3 channels of 1x2 pixels, 6 values"));
        let mut images = [0.0; 12];
        images[8] = f32::NAN;
        assert!(text(&images).unwrap_err().contains("image 1 holds NaN at element 2"));
    }
}
