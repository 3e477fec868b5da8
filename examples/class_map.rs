//! Draws where in a picture the network saw its answer:
//! `cargo run --release --example class_map -- tests/images/digits/7-paper.png map.png`.

use densenet_wgpu::{Classifier, ClassifierOptions, Wanted};

#[allow(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let input = arguments.next().unwrap_or_else(|| "tests/images/digits/7-paper.png".into());
    let output = arguments.next().unwrap_or_else(|| "map.png".into());

    let classifier = Classifier::embedded_blocking(ClassifierOptions::default().outputs([Wanted::ClassMaps]))?;
    let prediction = classifier.classify_blocking(input)?;
    let best = &prediction.top(1)[0];
    let pixels = prediction.overlay(best.class, 0.7)?;

    let picture = prediction.picture().ok_or("the picture is kept with its class maps")?;
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    image::save_buffer(&output, &pixels, width, height, image::ColorType::Rgb8)?;
    println!("{output} shows what speaks for {}", best.label);
    Ok(())
}
