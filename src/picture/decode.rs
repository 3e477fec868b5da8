//! From a file to 8-bit pixels.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Seek};
use std::path::{Path, PathBuf};

use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::complete::is_complete;
use super::formats::{self, FORMATS};
use super::orientation::Orientation;
use super::pixels::Pixels;
use crate::architecture::InputSize;
use crate::error::{Error, Result};

/// The largest side of a picture that is decoded, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// The most memory that decoding one picture may take, in bytes.
pub const MAX_BYTES: u64 = 512 << 20;

/// A picture as pixels of 0 to 255.
///
/// It is the way up that a person sees it, unless [`Orientation::Stored`] is asked for. Colour profiles are ignored, as
/// torchvision and Pillow do: networks were trained on pictures read that way. 16 bits are scaled to 8 and rounded, an
/// animation gives its first frame, a TIFF its first page, and transparent pictures are laid on white.
#[derive(Clone, Debug)]
pub struct Picture {
    pub(super) pixels: Pixels,
    /// Kept if any pixel is not opaque: light ink on a transparent ground is invisible on white.
    pub(super) alpha: Option<Vec<u8>>,
    pub(super) origin: PathBuf,
}

impl Picture {
    /// Reads a file of one of [`FORMATS`](super::FORMATS): with the feature `more-images` PNG, JPEG, WebP, BMP, GIF or TIFF. The content tells which, not the name.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read; [`Error::File`] where it is not such a picture, is damaged or cut off, is
    /// larger than [`MAX_SIDE`] on a side, or takes more than [`MAX_BYTES`] to decode.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Picture::open_with(path, Orientation::default())
    }

    /// As [`Picture::open`], with a choice of which way up.
    ///
    /// # Errors
    /// As [`Picture::open`].
    pub fn open_with(path: impl AsRef<Path>, orientation: Orientation) -> Result<Self> {
        let path = path.as_ref();
        let io = |e| Error::io(path, "reading a picture", e);
        let file = File::open(path).map_err(io)?;
        // Some decoders read the whole file first, whatever its header says.
        let bytes = file.metadata().map_err(io)?.len();
        if bytes > MAX_BYTES {
            return Err(Error::file(path, format!("has {bytes} bytes: pictures of up to {MAX_BYTES} are read")));
        }
        read(&mut BufReader::new(file), path, orientation)
    }

    /// Reads the bytes of a picture file. Errors call it `origin`.
    ///
    /// # Errors
    /// As [`Picture::open`].
    pub fn from_bytes(bytes: &[u8], origin: impl Into<PathBuf>) -> Result<Self> {
        Picture::from_bytes_with(bytes, origin, Orientation::default())
    }

    /// As [`Picture::from_bytes`], with a choice of which way up.
    ///
    /// # Errors
    /// As [`Picture::open`].
    pub fn from_bytes_with(bytes: &[u8], origin: impl Into<PathBuf>, orientation: Orientation) -> Result<Self> {
        read(&mut Cursor::new(bytes), &origin.into(), orientation)
    }

    /// Makes a picture of interleaved pixels, rows from the top: grey (1 channel), grey and alpha (2), RGB (3) or RGBA (4).
    /// Messages call it `origin`.
    ///
    /// # Errors
    /// [`Error::Input`] for another number of channels, or where `pixels` does not have `width * height * channels` bytes.
    pub fn from_pixels(
        width: usize,
        height: usize,
        channels: usize,
        pixels: Vec<u8>,
        origin: impl Into<PathBuf>,
    ) -> Result<Self> {
        let origin = origin.into();
        let need = width.checked_mul(height).and_then(|n| n.checked_mul(channels));
        if !(1..=4).contains(&channels) || need != Some(pixels.len()) || pixels.is_empty() {
            return Err(Error::Input(format!(
                "{}: {} bytes are not a picture of {width}x{height} pixels with {channels} channels (1 to 4)",
                origin.display(),
                pixels.len()
            )));
        }
        let size = InputSize { height, width };
        if channels % 2 == 1 {
            let pixels = Pixels { size, channels, data: pixels };
            return Ok(Picture { pixels, alpha: None, origin });
        }
        let colours = channels - 1;
        let alpha: Vec<u8> = pixels.iter().skip(colours).step_by(channels).copied().collect();
        let on_white = |colour: u8, alpha: u8| {
            let (colour, alpha) = (u32::from(colour), u32::from(alpha));
            ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let mut data = Vec::with_capacity(width * height * colours);
        for pixel in pixels.chunks_exact(channels) {
            match pixel[colours] {
                255 => data.extend_from_slice(&pixel[..colours]),
                alpha => data.extend(pixel[..colours].iter().map(|&colour| on_white(colour, alpha))),
            }
        }
        let alpha = alpha.iter().any(|&a| a < 255).then_some(alpha);
        Ok(Picture { pixels: Pixels { size, channels: colours, data }, alpha, origin })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.pixels.size.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.pixels.size.height
    }

    /// Interleaved pixels with 1 channel (grey) or 3 (red, green, blue). Grey is repeated for each colour; colour becomes grey
    /// by ITU-R 601 luma, in Pillow's integer arithmetic (its mode `L`).
    ///
    /// # Errors
    /// [`Error::Input`] for another number of channels.
    pub fn pixels(&self, channels: usize) -> Result<Vec<u8>> {
        self.pixels_of(channels).map(|pixels| pixels.data)
    }

    /// As [`Picture::pixels`], with their size.
    pub(super) fn pixels_of(&self, channels: usize) -> Result<Pixels> {
        self.pixels.with_channels(channels).ok_or_else(|| self.refuse_channels(channels))
    }

    pub(super) fn refuse_channels(&self, channels: usize) -> Error {
        Error::Input(format!(
            "{}: a picture has 1 or 3 channels, but the network takes {channels}: give it a raw tensor instead",
            self.origin.display()
        ))
    }
}

/// A file, or bytes. Not a type parameter: every decoder would be compiled for each of them.
trait Source: BufRead + Seek {}

impl<T: BufRead + Seek> Source for T {}

fn read(source: &mut dyn Source, origin: &Path, orientation: Orientation) -> Result<Picture> {
    let io = |e| Error::io(origin, "reading a picture", e);
    let format = ImageReader::new(&mut *source).with_guessed_format().map_err(io)?.format();
    let format = format
        .filter(|&format| formats::is_read(format))
        .ok_or_else(|| Error::file(origin, format!("not a picture that can be read: convert it to {FORMATS}")))?;
    if !is_complete(&mut *source, format).map_err(io)? {
        return Err(Error::file(origin, CUT_OFF));
    }
    source.rewind().map_err(io)?;
    let picture = decode(source, format, orientation).map_err(|e| Error::file(origin, reason(&e)))?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let colour = picture.color();
    if matches!(colour, ColorType::Rgb32F | ColorType::Rgba32F) {
        // What the numbers mean is not known: 0 to 1, 0 to 255, or light.
        return Err(Error::file(origin, "the picture has 32-bit floating point pixels: save it with 8 or 16 bits"));
    }
    let (channels, pixels) = match (colour.has_color(), colour.has_alpha()) {
        (false, false) => (1, picture.into_luma8().into_raw()),
        (false, true) => (2, picture.into_luma_alpha8().into_raw()),
        (true, false) => (3, picture.into_rgb8().into_raw()),
        (true, true) => (4, DynamicImage::into_rgba8(picture).into_raw()),
    };
    Picture::from_pixels(width, height, channels, pixels, origin)
}

fn decode(source: &mut dyn Source, format: ImageFormat, orientation: Orientation) -> Result<DynamicImage, ImageError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::with_format(source, format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    // What is left for the decoder's own needs.
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let turn = match orientation {
        // Broken EXIF data are no reason to refuse the picture.
        Orientation::Exif => decoder.orientation().ok(),
        Orientation::Stored => None,
    };
    let mut picture = DynamicImage::from_decoder(decoder)?;
    if let Some(turn) = turn {
        picture.apply_orientation(turn);
    }
    Ok(picture)
}

const CUT_OFF: &str = "the picture is cut off: get a complete copy of the file";

fn reason(error: &ImageError) -> String {
    match error {
        ImageError::Limits(_) => format!(
            "the picture is too large: up to {MAX_SIDE} pixels a side and {} MiB decoded are read; make it smaller",
            MAX_BYTES >> 20
        ),
        ImageError::Unsupported(_) => {
            format!("not a picture that can be read ({error}): save it as {FORMATS}, with 8 or 16 bits")
        }
        ImageError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => CUT_OFF.into(),
        _ => format!("the picture is damaged: {error}"),
    }
}
