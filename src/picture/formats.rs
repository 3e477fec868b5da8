//! The formats of pictures that are read. Every list of them, in code and in messages, comes from here.

use std::path::Path;

use image::ImageFormat;

/// The formats that are read, for messages.
pub const FORMATS: &str =
    if cfg!(feature = "more-images") { "PNG, JPEG, WebP, BMP, GIF or TIFF" } else { "PNG or JPEG" };

/// Whether other formats are compiled in is decided by everybody who uses the crate `image`.
const READ: &[ImageFormat] = if cfg!(feature = "more-images") {
    &[ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Tiff]
} else {
    &[ImageFormat::Png, ImageFormat::Jpeg]
};

/// The usual endings of files in these formats, without a dot.
pub fn endings() -> Vec<&'static str> {
    READ.iter().flat_map(|format| format.extensions_str()).copied().collect()
}

/// Whether a file's ending is that of a picture that is read. [`Picture::open`](super::Picture::open) goes by the content
/// instead: a picture may have any name.
pub fn has_picture_ending(path: impl AsRef<Path>) -> bool {
    ImageFormat::from_path(path).is_ok_and(is_read)
}

pub(super) fn is_read(format: ImageFormat) -> bool {
    READ.contains(&format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_those_of_the_formats_in_messages() {
        for ending in endings() {
            assert!(has_picture_ending(format!("holiday/cat.{ending}")), "{ending}");
            assert!(has_picture_ending(format!("CAT.{}", ending.to_uppercase())), "{ending}");
        }
        for format in READ {
            let name = format!("{format:?}");
            assert!(FORMATS.to_lowercase().contains(&name.to_lowercase()), "{name}");
        }
        for path in ["notes.txt", "photo.heic", "raw.nef", "icon.ico", "png", ".png", ""] {
            assert!(!has_picture_ending(path), "{path}");
        }
    }
}
