//! Prepared pictures against torchvision's and Pillow's tensors of the same file (tests/golden-images/make.py), and the
//! bundled digits in MNIST's form.
#![cfg(all(feature = "images", feature = "npy"))]

use std::path::Path;

use densenet_wgpu::{InputSize, Preprocessing, picture};

fn read_npy(name: &str) -> (Vec<u64>, Vec<f32>) {
    let path = Path::new("tests/golden-images").join(name).with_extension("npy");
    let file = npyz::NpyFile::new(std::fs::File::open(path).unwrap()).unwrap();
    (file.shape().to_vec(), file.into_vec().unwrap())
}

/// The largest distance in levels of 0 to 255, and the share of values that are more than half a level apart.
fn distance(ours: &[f32], theirs: &[f32], levels_per_unit: &[f64]) -> (f64, f64) {
    assert_eq!(ours.len(), theirs.len());
    let plane = ours.len() / levels_per_unit.len();
    let levels: Vec<f64> = ours
        .iter()
        .zip(theirs)
        .enumerate()
        .map(|(i, (a, b))| f64::from((a - b).abs()) * levels_per_unit[i / plane])
        .collect();
    let off = levels.iter().filter(|l| **l > 0.5).count() as f64 / levels.len() as f64;
    (levels.iter().copied().fold(0.0, f64::max), off)
}

fn compare(golden: &str, preprocessing: &str, channels: usize, size: Option<InputSize>) -> (f64, f64) {
    let picture = picture::Picture::open("tests/golden-images/picture.png").unwrap();
    let preprocessing = Preprocessing::parse(preprocessing).unwrap();
    let prepared = picture::prepare(&picture, &preprocessing, channels, size).unwrap();
    let (shape, expected) = read_npy(golden);
    assert_eq!(shape, [channels as u64, prepared.size.height as u64, prepared.size.width as u64], "{golden}");
    let std = &preprocessing.std;
    let levels: Vec<f64> = (0..channels).map(|c| std[c % std.len()] / preprocessing.scale).collect();
    distance(&prepared.data, &expected, &levels)
}

#[test]
fn pictures_are_prepared_as_torchvision_and_pillow_prepare_them() {
    let square = Some(InputSize::square(32));
    for (golden, preprocessing, channels, size) in [
        ("torchvision-32", "torchvision", 3, square),
        ("torchvision-24x40", "torchvision", 3, Some(InputSize { height: 24, width: 40 })),
        ("timm-32", "timm", 3, square),
        ("keras-32", "keras", 3, square),
        ("caffe-32", "caffe", 3, square),
        ("cifar10", "cifar10", 3, None),
        ("enlarged", "resize=80,crop=31x36,filter=bicubic", 3, None),
        ("grey-padded", "resize=20,crop=33x50,mean=0.5,std=0.25", 1, None),
    ] {
        let (most, off) = compare(golden, preprocessing, channels, size);
        // Filter coefficients have fewer bits than Pillow's, so a value is off by one level now and then.
        assert!(most < 1.1 && off < 0.02, "{golden}: {most:.2} levels at most, {:.2} % off", off * 100.0);
    }
}

#[test]
fn another_filter_order_or_crop_does_not_pass() {
    let square = Some(InputSize::square(32));
    for (golden, preprocessing) in [
        ("torchvision-32", "timm"),
        ("timm-32", "torchvision"),
        ("keras-32", "keras,filter=bilinear"),
        ("torchvision-32", "torchvision,resize=248"),
        ("torchvision-32", "torchvision,colour=bgr"),
        ("torchvision-32", "torchvision,std=0.229:0.224:0.226"),
    ] {
        let (most, off) = compare(golden, preprocessing, 3, square);
        assert!(most > 1.1 || off > 0.02, "{preprocessing} passes for {golden}: {most:.2} levels at most, {off} off");
    }
}

#[test]
fn every_bundled_digit_is_laid_out_as_mnist_does() {
    let preprocessing = Preprocessing::named("mnist").unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir("tests/images/digits").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "png") {
            continue;
        }
        count += 1;
        let picture = picture::Picture::open(&path).unwrap();
        let prepared = picture::prepare(&picture, &preprocessing, 1, None).unwrap();
        assert_eq!(prepared.warnings, [""; 0], "{}", path.display());
        let light: Vec<(usize, usize)> =
            (0..784).filter(|&i| prepared.pixels[i] > 0).map(|i| (i / 28, i % 28)).collect();
        let side = |at: fn(&(usize, usize)) -> usize| {
            light.iter().map(at).max().unwrap() - light.iter().map(at).min().unwrap() + 1
        };
        assert_eq!(side(|p| p.0).max(side(|p| p.1)), 20, "{}", path.display());
        let mass: f64 = prepared.pixels.iter().map(|&x| f64::from(x)).sum();
        for at in [|i: usize| i / 28, |i: usize| i % 28] {
            let middle: f64 = (0..784).map(|i| at(i) as f64 * f64::from(prepared.pixels[i])).sum::<f64>() / mass;
            assert!((middle - 14.0).abs() <= 0.51, "{}: {middle}", path.display());
        }
        if path.to_string_lossy().contains("plain") {
            assert_eq!(prepared.pixels, picture.pixels(1).unwrap(), "{}", path.display());
        }
    }
    assert_eq!(count, 10);
}
