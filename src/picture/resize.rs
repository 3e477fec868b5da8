//! Resizing and cropping of interleaved 8-bit pixels.

use bytemuck::Pod;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{F32, U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use super::pixels::Pixels;
use super::preprocessing::{Filter, Resize};
use super::region::Region;
use crate::architecture::InputSize;

/// The most pixels of a resized picture: a strip of 1x16384 would grow to 256x4194304.
const MAX_AREA: usize = 1 << 26;

/// The size that `resize` gives to a picture of `from`.
pub(super) fn target(from: InputSize, resize: Resize) -> Result<InputSize, String> {
    let size = match resize {
        Resize::None | Resize::Digit => from,
        Resize::Exact(size) => size,
        Resize::Shorter(side) => {
            // As torchvision: the longer side is int(side * long / short).
            let longer = |long: usize, short: usize| (side as u64 * long as u64 / short as u64) as usize;
            if from.width <= from.height {
                InputSize { height: longer(from.height, from.width), width: side }
            } else {
                InputSize { height: side, width: longer(from.width, from.height) }
            }
        }
    };
    match size.height.checked_mul(size.width) {
        Some(area) if area <= MAX_AREA => Ok(size),
        _ => Err(format!("a picture of {from} would be resized to {size}, which is too large: crop it first")),
    }
}

/// Resizes the picture to `to`.
pub(super) fn resize(picture: Pixels, to: InputSize, filter: Filter) -> Result<Pixels, String> {
    if picture.size == to {
        return Ok(picture);
    }
    let filter = match filter {
        Filter::Nearest => return Ok(nearest(&picture, to)),
        Filter::Bilinear => FilterType::Bilinear,
        Filter::Bicubic => FilterType::CatmullRom,
        Filter::Lanczos => FilterType::Lanczos3,
    };
    let convert = if picture.channels == 1 { convert::<U8> } else { convert::<U8x3> };
    // Along rows first, then along columns, rounded to 8 bits in between, as Pillow does: the cubic filters overshoot, and
    // what is clipped depends on the order.
    let between = InputSize { height: picture.size.height, width: to.width };
    let rows = convert(&picture.data, picture.size, between, filter)?;
    let data = convert(&rows, between, to, filter)?;
    Ok(Pixels { size: to, channels: picture.channels, data })
}

/// The pixels under the centres of the new ones. Positions are accumulated as Pillow accumulates them: where a centre falls
/// on the edge between two pixels, rounding decides.
fn nearest(picture: &Pixels, to: InputSize) -> Pixels {
    let positions = |from: usize, to: usize| -> Vec<usize> {
        let step = from as f64 / to as f64;
        let sums = std::iter::successors(Some(step * 0.5), |at| Some(at + step));
        sums.take(to).map(|at| (at as usize).min(from - 1)).collect()
    };
    let n = picture.channels;
    let columns = positions(picture.size.width, to.width);
    let mut data = Vec::with_capacity(to.height * to.width * n);
    for row in positions(picture.size.height, to.height) {
        let row = &picture.data[row * picture.size.width * n..][..picture.size.width * n];
        columns.iter().for_each(|&column| data.extend_from_slice(&row[column * n..][..n]));
    }
    Pixels { size: to, channels: n, data }
}

/// Resizes one channel of `f32`, so that nothing is rounded. Hamming is as sharp as a cubic filter and does not overshoot.
pub(super) fn resize_f32(pixels: &[f32], from: InputSize, to: InputSize) -> Result<Vec<f32>, String> {
    convert::<F32>(pixels, from, to, FilterType::Hamming)
}

/// The type of the pixels is known when this is compiled: code for all that there are is a tenth of the web package.
fn convert<P: PixelTrait<Component: Pod>>(
    pixels: &[P::Component],
    from: InputSize,
    to: InputSize,
    filter: FilterType,
) -> Result<Vec<P::Component>, String> {
    if from == to {
        return Ok(pixels.to_vec());
    }
    let source = TypedImageRef::<P>::from_buffer(from.width as u32, from.height as u32, bytemuck::cast_slice(pixels))
        .map_err(|e| format!("a picture of {from} cannot be resized: {e}"))?;
    let mut target = TypedImage::<P>::new(to.width as u32, to.height as u32);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .map_err(|e| format!("a picture of {from} cannot be resized to {to}: {e}"))?;
    Ok(P::components(target.pixels()).to_vec())
}

/// The middle of the picture; where `to` is larger, it is surrounded by zeros. Offsets round as in torchvision's
/// `center_crop`, which uses Python's rounding: halves go to the even number.
pub(super) fn centre_crop(picture: Pixels, to: InputSize) -> Pixels {
    let from = picture.size;
    if from == to {
        return picture;
    }
    let (top, above, rows) = span(from.height, to.height);
    let (left, before, columns) = span(from.width, to.width);
    let n = picture.channels;
    let mut data = vec![0; to.height * to.width * n];
    for row in 0..rows {
        let source = ((top + row) * from.width + left) * n;
        let target = ((above + row) * to.width + before) * n;
        data[target..target + columns * n].copy_from_slice(&picture.data[source..source + columns * n]);
    }
    Pixels { size: to, channels: n, data }
}

/// The first row or column to read, the first one to write, and how many.
fn span(from: usize, to: usize) -> (usize, usize, usize) {
    if from < to {
        return (0, (to - from) / 2, from);
    }
    (((from - to) as f64 / 2.0).round_ties_even() as usize, 0, to)
}

/// Where the central `crop` of a picture resized from `from` to `to` lies, in pixels of `from`.
pub(super) fn cropped_region(from: InputSize, to: InputSize, crop: InputSize) -> Region {
    let side = |from: usize, to: usize, crop: usize| {
        let (read, written, _) = span(to, crop);
        let step = from as f64 / to as f64;
        ((read as f64 - written as f64) * step, crop as f64 * step)
    };
    let ((top, height), (left, width)) =
        (side(from.height, to.height, crop.height), side(from.width, to.width, crop.width));
    Region { left, top, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(height: usize, width: usize) -> InputSize {
        InputSize { height, width }
    }

    #[test]
    fn the_longer_side_is_rounded_down() {
        assert_eq!(target(size(300, 451), Resize::Shorter(256)).unwrap(), size(256, 384));
        assert_eq!(target(size(451, 300), Resize::Shorter(256)).unwrap(), size(384, 256));
        assert_eq!(target(size(512, 512), Resize::Shorter(256)).unwrap(), size(256, 256));
        assert_eq!(target(size(3, 5), Resize::Exact(size(7, 9))).unwrap(), size(7, 9));
        assert!(target(size(1, 16384), Resize::Shorter(256)).unwrap_err().contains("too large"));
    }

    #[test]
    fn a_crops_place_is_given_in_the_pixels_of_the_picture() {
        // 512x768 comes to 256x384: a step of 2; the middle 224 of 256 begins at 16, of 384 at 80.
        let region = cropped_region(size(512, 768), size(256, 384), size(224, 224));
        assert_eq!(region, Region { left: 160.0, top: 32.0, width: 448.0, height: 448.0 });
        // A crop beyond the edges: one pixel above, one to the left.
        let region = cropped_region(size(2, 1), size(2, 1), size(4, 3));
        assert_eq!(region, Region { left: -1.0, top: -1.0, width: 3.0, height: 4.0 });
    }

    #[test]
    fn crops_take_the_middle_and_pad_with_zero() {
        let picture = |h, w| Pixels { size: size(h, w), channels: 1, data: (1..=(h * w) as u8).collect() };
        // 5 - 2 leaves 3: half of it, 1.5, rounds to 2; 3 - 2 leaves 1: 0.5 rounds to 0.
        assert_eq!(centre_crop(picture(3, 5), size(2, 2)).data, [3, 4, 8, 9]);
        assert_eq!(centre_crop(picture(2, 1), size(2, 4)).data, [0, 1, 0, 0, 0, 2, 0, 0]);
        assert_eq!(centre_crop(picture(1, 3), size(3, 1)).data, [0, 2, 0]);
    }
}
