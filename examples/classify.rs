//! Names the digit in a picture: `cargo run --release --example classify -- tests/images/digits/7-paper.png`.

use densenet_wgpu::picture::{Picture, prepare};
use densenet_wgpu::{Gpu, GpuOptions, LoadOptions, Model, SessionOptions, weights};

#[allow(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "tests/images/digits/7-paper.png".into());
    let weights = weights::embedded()?; // or weights::open("densenet121.safetensors")?
    let network = weights.architecture();

    let picture = prepare(&Picture::open(path)?, &weights.preprocessing()?, network.input_channels, None)?;

    let gpu = Gpu::new_blocking(GpuOptions::default())?;
    let model = Model::load_blocking(&gpu, &weights, LoadOptions::default())?;
    let mut session = model.session_blocking(SessionOptions::new(picture.size))?;
    let output = session.run_blocking(&picture.data)?;

    let scores = network.activation.scores(output.row(0));
    let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or_default();
    println!("class {best}, {:.1} %, on {}", scores[best] * 100.0, gpu.facts().name);
    Ok(())
}
