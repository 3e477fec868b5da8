//! One wgpu device for drawing and for the network, as in a user interface or a game:
//! `cargo run --release --example shared_device`.
//!
//! The program opens the device, and must request what the network needs. Both submit to the same queue, where the
//! network's passes take turns with the frames.

use densenet_wgpu::{Classifier, ClassifierOptions, Gpu, gpu, wgpu};

#[allow(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))?;
    // This is what the network needs: add what drawing needs.
    let descriptor = gpu::device_descriptor(&adapter);
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))?;

    let shared = Gpu::with_device(device.clone(), queue.clone());
    let classifier = Classifier::embedded_blocking(ClassifierOptions::default().engine(shared))?;
    let best = classifier.classify_blocking("tests/images/digits/3-inverted.png")?.top(1).remove(0);
    println!("{} ({:.1} %) on {}", best.label, 100.0 * best.score, classifier.engine());

    // A frame: as green as the answer is sure.
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("frame"),
        size: wgpu::Extent3d { width: 256, height: 256, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
        view_formats: &[],
    });
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    let green = wgpu::Color { r: 0.0, g: best.score.into(), b: 0.0, a: 1.0 };
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("frame"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: &view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations { load: wgpu::LoadOp::Clear(green), store: wgpu::StoreOp::Store },
        })],
        ..Default::default()
    });
    queue.submit([encoder.finish()]);
    device.poll(wgpu::PollType::wait_indefinitely())?;
    println!("a frame was drawn on the same device");
    Ok(())
}
