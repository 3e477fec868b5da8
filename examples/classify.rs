//! Names the digit in a picture: `cargo run --release --example classify -- tests/images/digits/7-paper.png`.

use densenet_wgpu::Classifier;

#[allow(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let picture = std::env::args().nth(1).unwrap_or_else(|| "tests/images/digits/7-paper.png".into());
    let classifier = Classifier::open_blocking("models/mnist.safetensors")?; // or densenet121.pth, model.keras, ..
    println!("on {}", classifier.engine());
    for place in classifier.classify_blocking(picture)?.top(3) {
        println!("{:6.2} %  {}", 100.0 * place.score, place.label);
    }
    Ok(())
}
