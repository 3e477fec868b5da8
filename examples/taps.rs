//! Raw tensors in, logits and a layer's feature maps out, with an engine of one's own:
//! `cargo run --release --example taps`.

use densenet_wgpu::weights::random;
use densenet_wgpu::{Architecture, Gpu, GpuOptions, InputSize, LoadOptions, Model, SessionOptions, Weights};

#[allow(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let architecture = Architecture::preset("densenet121").ok_or("no such preset")?;
    let weights = Weights::random(&architecture, 0)?; // or weights::open("densenet121.pth")?
    let size = InputSize::square(224);

    let gpu = Gpu::new_blocking(GpuOptions::default())?;
    let model = Model::load_blocking(&gpu, &weights, LoadOptions::default().size(size))?;
    let options = SessionOptions::new(size).max_batch(2).taps(["features.denseblock4"]);
    let mut session = model.session_blocking(options)?;

    // Two images, NCHW f32. The session can be used again for any images of this size.
    let images = random::input(0, 2 * session.image_elements());
    let output = session.run_blocking(&images)?;
    let maps = output.tap("features.denseblock4").ok_or("the session was made with this tap")?;
    println!("{} logits an image; the first of image 1 is {}", output.columns(), output.row(1)[0]);
    println!("features.denseblock4: {} for each of {} images", maps.shape(), output.batch());
    println!("{} dispatches, {} bytes on the device", session.dispatches(), session.device_bytes());
    Ok(())
}
