//! Ring 4: picture files of every kind against Pillow, which made them (`tests/pictures/make.py`).

use std::path::{Path, PathBuf};

use densenet_wgpu::picture::{Orientation, Picture};

fn path(name: &str) -> PathBuf {
    Path::new("tests/pictures").join(name)
}

fn open(name: &str) -> Picture {
    Picture::open(path(name)).unwrap()
}

/// The largest difference between the pixels of two pictures of one size.
fn difference(a: &Picture, b: &Picture, channels: usize) -> u8 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let [a, b] = [a, b].map(|picture| picture.pixels(channels).unwrap());
    a.iter().zip(&b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// What JPEG loses of the pictures here. Mirrored or turned, they differ by 190.
const JPEG: u8 = 10;

#[test]
fn exif_turns_a_picture_as_a_person_sees_it() {
    let upright = open("upright.png");
    for orientation in 1..=8 {
        let name = format!("orientation-{orientation}.jpg");
        assert!(difference(&open(&name), &upright, 3) <= JPEG, "{name}");
        let stored = Picture::open_with(path(&name), Orientation::Stored).unwrap();
        let is_turned = orientation > 4;
        assert_eq!((stored.width(), stored.height()), if is_turned { (24, 40) } else { (40, 24) }, "{name}");
        if !is_turned {
            assert_eq!(difference(&stored, &upright, 3) <= JPEG, orientation == 1, "{name}");
        }
    }
    for ending in ["png", "webp", "tiff"] {
        let name = format!("orientation-6.{ending}");
        assert_eq!(difference(&open(&name), &upright, 3), 0, "{name}");
        let bytes = std::fs::read(path(&name)).unwrap();
        assert_eq!(Picture::from_bytes(&bytes, "x").unwrap().width(), 40, "{name}");
        assert_eq!(Picture::from_bytes_with(&bytes, "x", Orientation::Stored).unwrap().width(), 24, "{name}");
    }
}

#[test]
fn whole_jpegs_are_read_whatever_stands_beside_the_picture() {
    let upright = open("upright.png");
    for name in ["progressive.jpg", "restarts.jpg", "trailing.jpg", "thumbnail.jpg"] {
        assert!(difference(&open(name), &upright, 3) <= JPEG, "{name}");
    }
    assert!(difference(&open("grey.jpg"), &upright, 1) <= JPEG);
}

#[test]
fn a_file_that_is_cut_off_is_an_error_wherever_it_is_cut() {
    let names = ["orientation-6.jpg", "progressive.jpg", "restarts.jpg", "thumbnail.jpg", "cmyk.jpg", "grey16.png"];
    let names = names.into_iter().chain(["picture.gif", "rgb8.tiff", "lzw.tiff", "orientation-6.webp", "upright.bmp"]);
    for name in names {
        let whole = match name {
            "upright.bmp" => {
                let mut bytes = std::io::Cursor::new(Vec::new());
                image::open(path("upright.png")).unwrap().write_to(&mut bytes, image::ImageFormat::Bmp).unwrap();
                bytes.into_inner()
            }
            _ => std::fs::read(path(name)).unwrap(),
        };
        let want = Picture::from_bytes(&whole, name).unwrap();
        // What follows the pixels of the first frame may be missing: the end of the file, metadata.
        let needed = (0..whole.len()).rev().find(|&length| Picture::from_bytes(&whole[..length], name).is_err());
        let needed = needed.expect("an empty file is none");
        for length in 0..whole.len() {
            match Picture::from_bytes(&whole[..length], name) {
                Err(_) => {}
                Ok(picture) => {
                    assert!(length > needed, "{name} cut to {length} of {} bytes has an answer", whole.len());
                    let channels = if name.starts_with("grey") { 1 } else { 3 };
                    assert_eq!(difference(&picture, &want, channels), 0, "{name} cut to {length}");
                }
            }
        }
        let is_jpeg = name.ends_with("jpg");
        assert!(!is_jpeg || needed == whole.len() - 1, "{name}: the marker of the end counts");
    }
    let whole = std::fs::read(path("orientation-6.jpg")).unwrap();
    let message = Picture::from_bytes(&whole[..whole.len() / 2], "half.jpg").unwrap_err().to_string();
    assert!(message.starts_with("half.jpg: the picture is cut off"), "{message}");
}

#[test]
fn cmyk_is_converted_as_pillow_does() {
    assert!(difference(&open("cmyk.jpg"), &open("cmyk.png"), 3) <= 3);
}

#[test]
fn an_animation_gives_its_first_frame() {
    let want = open("picture.gif.png");
    assert_eq!(difference(&open("picture.gif"), &want, 3), 0);
    assert_eq!(difference(&open("animated.gif"), &want, 3), 0);
}

#[test]
fn tiff_is_read_with_8_and_16_bits_and_scaled_not_clipped() {
    let upright = open("upright.png");
    for name in ["rgb8.tiff", "rgba8.tiff", "lzw.tiff", "deflate.tiff"] {
        assert_eq!(difference(&open(name), &upright, 3), 0, "{name}");
    }
    // Up to 119 of 257 were added to each value, which rounding takes away again.
    for name in ["rgb16.tiff", "rgba16.tiff"] {
        assert_eq!(difference(&open(name), &upright, 3), 0, "{name}");
    }
    let red: Vec<u8> = upright.pixels(3).unwrap().chunks(3).map(|pixel| pixel[0]).collect();
    for name in ["grey8.tiff", "grey16.tiff", "grey16.png"] {
        assert_eq!(open(name).pixels(1).unwrap(), red, "{name}");
    }
    let message = Picture::open(path("float.tiff")).unwrap_err().to_string();
    assert!(message.contains("32-bit") && message.contains("8 or 16 bits"), "{message}");
}
