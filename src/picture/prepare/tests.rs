use std::io::Cursor;

use ::image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb, Rgba};

use super::*;

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decoded(picture: impl Into<DynamicImage>) -> Picture {
    Picture::from_bytes(&encoded(picture, ImageFormat::Png), "test.png").unwrap()
}

fn none() -> Preprocessing {
    Preprocessing::named("none").unwrap()
}

#[test]
fn formats_are_told_by_their_content() {
    let picture = ImageBuffer::from_fn(16, 12, |x, y| Rgb([x as u8 * 10, y as u8 * 10, 128]));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Jpeg, ImageFormat::Tiff] {
        let picture = Picture::from_bytes(&encoded(picture.clone(), format), "x").unwrap();
        assert_eq!((picture.width(), picture.height(), picture.pixels.channels), (16, 12, 3), "{format:?}");
        let [red, green, blue] = [0, 1, 2].map(|c| i32::from(picture.pixels.data[(5 * 16 + 8) * 3 + c]));
        let near = if format == ImageFormat::Jpeg { 12 } else { 0 };
        assert!((red - 80).abs() <= near && (green - 50).abs() <= near && (blue - 128).abs() <= near, "{format:?}");
    }
}

#[test]
fn sixteen_bits_are_rounded_to_eight() {
    let grey = decoded(
        ImageBuffer::from_vec(4, 1, vec![0u16, 257, 384, 65535]).map(|b: ImageBuffer<Luma<u16>, _>| b).unwrap(),
    );
    assert_eq!(grey.pixels(1).unwrap(), [0, 1, 1, 255]);
    let colour: ImageBuffer<Rgb<u16>, _> = ImageBuffer::from_vec(1, 1, vec![256u16, 25_700, 65_000]).unwrap();
    assert_eq!(decoded(colour).pixels(3).unwrap(), [1, 100, 253]);
}

#[test]
fn transparent_pictures_lie_on_white() {
    let picture: ImageBuffer<Rgba<u8>, _> =
        ImageBuffer::from_vec(3, 1, vec![10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 128]).unwrap();
    assert_eq!(decoded(picture).pixels(3).unwrap(), [10, 20, 30, 255, 255, 255, 127, 177, 227]);
}

#[test]
fn grey_is_repeated_and_colour_becomes_luma() {
    let grey = Picture::from_pixels(2, 1, 1, vec![7, 200], "x").unwrap();
    assert_eq!(grey.pixels(3).unwrap(), [7, 7, 7, 200, 200, 200]);
    // As Pillow's convert("L") has them.
    let colours = vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 130, 120, 80];
    let colour = Picture::from_pixels(4, 1, 3, colours, "x").unwrap();
    assert_eq!(colour.pixels(1).unwrap(), [76, 150, 29, 118]);
    assert!(colour.pixels(4).unwrap_err().to_string().contains("takes 4"));
}

#[test]
fn unreadable_pictures_give_one_clear_line() {
    let whole = encoded(ImageBuffer::from_pixel(64, 64, Rgb([1u8, 2, 3])), ImageFormat::Png);
    // A bitmap's header holds width and height from byte 18 on, in the order of little-endian machines.
    let sized = |width: i32, height: i32| {
        let mut bitmap = encoded(ImageBuffer::from_pixel(4, 4, Rgb([1u8, 2, 3])), ImageFormat::Bmp);
        bitmap[18..22].copy_from_slice(&width.to_le_bytes());
        bitmap[22..26].copy_from_slice(&height.to_le_bytes());
        bitmap
    };
    for (bytes, part) in [
        (&whole[..whole.len() / 2], "cut off"),
        (&whole[..20], "cut off"),
        (b"hello, world, I am text".as_slice(), "convert it to PNG"),
        (b"", "convert it to PNG"),
        (&sized(20_000, 1), "too large"),
        (&sized(16_000, 16_000), "too large"),
    ] {
        let message = Picture::from_bytes(bytes, "some/file.png").unwrap_err().to_string();
        assert!(message.starts_with("some/file.png: ") && message.contains(part), "{part}: {message}");
        assert!(!message.contains('\n'));
    }
    assert!(Picture::open("no/such.png").unwrap_err().to_string().contains("no/such.png"));
    assert!(Picture::open(".").is_err());
    assert!(Picture::from_pixels(2, 2, 3, vec![0; 11], "x").is_err());
    assert!(Picture::from_pixels(0, 2, 3, vec![], "x").is_err());
    assert!(Picture::from_pixels(usize::MAX, 2, 3, vec![0; 3], "x").is_err());
}

#[test]
fn damaged_bytes_never_panic() {
    let picture = ImageBuffer::from_fn(24, 18, |x, y| Rgb([(x * 9) as u8, (y * 13) as u8, (x * y) as u8]));
    let mut state = 1u32;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    for format in [Png, WebP, Bmp, Jpeg, Gif, Tiff] {
        let whole = encoded(picture.clone(), format);
        let mut refused = 0;
        for _ in 0..300 {
            let mut bytes = whole.clone();
            bytes.truncate(whole.len() - random(2) * random(whole.len()));
            for _ in 0..random(4) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            refused += usize::from(Picture::from_bytes(&bytes, "x").is_err());
        }
        assert!(refused > 0, "{format:?}");
    }
}

#[test]
fn channels_are_planes_in_the_networks_order() {
    let picture = Picture::from_pixels(2, 1, 3, vec![255, 0, 51, 0, 102, 255], "x").unwrap();
    let rgb = prepare(&picture, &none(), 3, None).unwrap();
    assert_eq!(rgb.data, [1.0, 0.0, 0.0, 0.4, 0.2, 1.0]);
    assert_eq!(rgb.size, InputSize { height: 1, width: 2 });
    let preprocessing = Preprocessing::parse("colour=bgr,scale=1,mean=1:2:3,std=2:4:8").unwrap();
    let bgr = prepare(&picture, &preprocessing, 3, None).unwrap();
    assert_eq!(bgr.data, [25.0, 127.0, -0.5, 25.0, 31.5, -0.375]);
}

#[test]
fn caffe_is_blue_first_minus_mean_times_0_017() {
    let picture = Picture::from_pixels(256, 256, 3, [200, 100, 50].repeat(256 * 256), "x").unwrap();
    let data = prepare(&picture, &Preprocessing::named("caffe").unwrap(), 3, None).unwrap().data;
    let plane = 224 * 224;
    for (value, expected) in [data[0], data[plane], data[2 * plane]].iter().zip([
        (50.0 - 103.94) * 0.017,
        (100.0 - 116.78) * 0.017,
        (200.0 - 123.68) * 0.017f64,
    ]) {
        assert!((f64::from(*value) - expected).abs() < 1e-6);
    }
}

#[test]
fn what_looks_wrong_is_told() {
    let blank = Picture::from_pixels(40, 40, 1, vec![90; 1600], "x").unwrap();
    let warnings = |preprocessing: &str, channels| {
        prepare(&blank, &Preprocessing::parse(preprocessing).unwrap(), channels, None).unwrap().warnings
    };
    assert!(warnings("torchvision", 3)[0].contains("blank"));
    assert!(warnings("mnist", 1)[0].contains("no digit was found"));
    assert!(warnings("torchvision", 1)[1].contains("their averages"));
    assert!(warnings("none,mean=104:117:124", 3)[0].contains("belong together"));
}

#[test]
fn light_ink_on_nothing_is_found_in_the_alpha_channel() {
    let mut pixels = [255, 0].repeat(60 * 40);
    (10..30).for_each(|row| pixels[(row * 60 + 20) * 2..(row * 60 + 24) * 2].fill(255));
    let picture = Picture::from_pixels(60, 40, 2, pixels, "x").unwrap();
    let prepared = prepare(&picture, &Preprocessing::named("mnist").unwrap(), 1, None).unwrap();
    assert_eq!(prepared.warnings, [""; 0]);
    let expected = |i: usize| if (5..25).contains(&(i / 28)) && (13..17).contains(&(i % 28)) { 255 } else { 0 };
    assert_eq!(prepared.pixels, (0..784).map(expected).collect::<Vec<u8>>());
    assert!((prepared.data[0] + 0.1307 / 0.3081).abs() < 1e-6);
    let three = prepare(&picture, &Preprocessing::named("mnist").unwrap(), 3, None).unwrap();
    assert_eq!(three.data[784..1568], prepared.data[..]);
}

#[test]
fn impossible_requests_are_refused() {
    let picture = Picture::from_pixels(1, 16_384, 1, vec![0; 16_384], "strip.png").unwrap();
    let torchvision = Preprocessing::named("torchvision").unwrap();
    let message = |preprocessing: &Preprocessing, channels, size| {
        prepare(&picture, preprocessing, channels, size).unwrap_err().to_string()
    };
    assert!(message(&torchvision, 3, None).contains("strip.png: a picture of 16384x1"));
    assert!(message(&torchvision, 2, None).contains("takes 2"));
    assert!(message(&torchvision, 3, Some(InputSize::square(0))).contains("out of range"));
    assert!(message(&torchvision, 3, Some(InputSize::square(10_000))).contains("out of range"));
    assert!(message(&Preprocessing { std: vec![], ..torchvision }, 3, None).contains("both need one"));
}
