//! Whether a picture's file is complete, where its decoder does not notice.
//!
//! JPEG: the decoder is lenient. It paints grey what is missing of a file that was cut off, and a classifier would have an
//! answer for that. A PNG has checksums; a JPEG has the marker EOI after its last scan. A file without it was cut off. (Some
//! encoders are said to forget it: such a file is refused, since nothing tells it from a cut one. Pillow refuses nearly all
//! of them too.) What follows the marker is no part of the picture: phones put a second picture or a film there.
//!
//! WebP: the EXIF data, which say how to turn the picture, follow the pixels. The file's header has its length.

use std::io::{self, BufRead, Read as _, Seek, SeekFrom};

use image::ImageFormat;

/// Whether the file is as long as its format says, from the start of `file`.
pub(super) fn is_complete(mut file: impl BufRead + Seek, format: ImageFormat) -> io::Result<bool> {
    match format {
        ImageFormat::Jpeg => has_end(file),
        ImageFormat::WebP => {
            let mut riff = [0; 8];
            let is_there = file.read_exact(&mut riff).is_ok();
            let [.., a, b, c, d] = riff;
            let rest = u64::from(u32::from_le_bytes([a, b, c, d]));
            Ok(is_there && file.seek(SeekFrom::End(0))? >= 8 + rest)
        }
        _ => Ok(true),
    }
}

/// Whether the file of a JPEG has the marker of its end. Thumbnails in the EXIF data have one of their own, which does not
/// count.
fn has_end(mut file: impl BufRead) -> io::Result<bool> {
    // A marker is FF, maybe repeated, and a code.
    while file.skip_until(0xff)? > 0 {
        let mut code = 0xff;
        while code == 0xff {
            match byte(&mut file)? {
                Some(byte) => code = byte,
                None => return Ok(false),
            }
        }
        match code {
            EOI => return Ok(true),
            // Only these begin a segment. 00 is a stuffed FF of the scan, D0 to D7 restart it; other codes are damage, which
            // is the decoder's affair.
            0xc0..=0xcf | SOS..=0xfe => {
                let (Some(high), Some(low)) = (byte(&mut file)?, byte(&mut file)?) else { return Ok(false) };
                let rest = u64::from(u16::from_be_bytes([high, low])).saturating_sub(2);
                if io::copy(&mut file.by_ref().take(rest), &mut io::sink())? < rest {
                    return Ok(false);
                }
            }
            _ => {}
        }
    }
    Ok(false)
}

/// End of image.
const EOI: u8 = 0xd9;
/// Start of scan. After its header the compressed data follow.
const SOS: u8 = 0xda;

fn byte(file: &mut impl BufRead) -> io::Result<Option<u8>> {
    let mut byte = [0];
    Ok((file.read(&mut byte)? == 1).then_some(byte[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_whole(file: &[u8]) -> bool {
        is_complete(io::Cursor::new(file), ImageFormat::Jpeg).unwrap()
    }

    /// An EXIF segment that holds a thumbnail, a scan with a stuffed FF and a restart, and what follows.
    fn file(after: &[u8]) -> Vec<u8> {
        let thumbnail = b"Exif\0\0\xff\xd8\xff\xda\0\x02\x01\xff\xd9";
        let length = (thumbnail.len() as u16 + 2).to_be_bytes();
        let scan = b"\xff\xda\0\x04\x01\x02\x11\xff\x00\x22\xff\xd0\x33";
        [b"\xff\xd8\xff\xe1", &length[..], thumbnail, scan, after].concat()
    }

    #[test]
    fn only_the_pictures_own_end_counts() {
        for after in [&b"\xff\xd9"[..], b"\xff\xff\xff\xd9", b"\xff\xd9trailing", b"\xff\xd9\xff\xd8\xff\xda"] {
            assert!(is_whole(&file(after)), "{after:x?}");
        }
        let whole = file(b"\xff\xd9");
        for length in 0..whole.len() {
            assert!(!is_whole(&whole[..length]), "cut off at {length}");
        }
        // Room that a broken download reserved.
        assert!(!is_whole(&file(&[0; 100])));
    }
}
