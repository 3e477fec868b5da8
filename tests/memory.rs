//! Ring 4: what is said to be allocated is allocated, and nothing else, by wgpu's own counters.
//!
//! The counters hold what the driver asks for each buffer and texture. For buffers on Mesa's lavapipe that is exactly the
//! size that was requested. Its textures are laid out in whole blocks of 4x4 texels, which is exact too, once counted so.
//! Other drivers align as they like: there the number of buffers and textures is compared exactly, and bytes from below
//! and up to 64 KiB for each.

mod adapter;

use densenet_wgpu::low_level::kernels::{ArrayKind, PackedWeight, Resource};
use densenet_wgpu::weights::Weights;
use densenet_wgpu::{Architecture, Gpu, InputSize, KernelFamily, LoadOptions, Model, Precision, SessionOptions};

/// Largest padding of one buffer or texture that a driver other than lavapipe may want.
const ALIGNMENT: i64 = 64 << 10;

/// What the counters say, of things that stay: bytes and numbers of buffers and of textures. These are counted by their
/// views, one each: wgpu's Vulkan backend does not count the textures that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    buffer_bytes: i64,
    texture_bytes: i64,
    buffers: i64,
    textures: i64,
}

impl Counts {
    fn now(gpu: &Gpu) -> Counts {
        // What was used for uploads, or dropped, goes once the device has got so far.
        for _ in 0..2 {
            gpu.queue().submit([]);
            gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
        }
        let counters = gpu.device().get_internal_counters().hal;
        Counts {
            buffer_bytes: counters.buffer_memory.read() as i64,
            texture_bytes: counters.texture_memory.read() as i64,
            buffers: counters.buffers.read() as i64,
            textures: counters.texture_views.read() as i64,
        }
    }

    fn since(self, before: Counts) -> Counts {
        Counts {
            buffer_bytes: self.buffer_bytes - before.buffer_bytes,
            texture_bytes: self.texture_bytes - before.texture_bytes,
            buffers: self.buffers - before.buffers,
            textures: self.textures - before.textures,
        }
    }
}

/// A device of its own: its counters must not see other tests.
fn gpu() -> Gpu {
    Gpu::new_blocking(adapter::gpu_options()).unwrap()
}

fn is_lavapipe(gpu: &Gpu) -> bool {
    gpu.facts().name.contains("llvmpipe") && gpu.facts().backend == "vulkan"
}

/// Bytes said and bytes counted, given how many things they are.
fn assert_bytes(gpu: &Gpu, what: &str, said: u64, counted: i64, things: i64) {
    let said = said as i64;
    if is_lavapipe(gpu) {
        assert_eq!(counted, said, "{what}");
    } else {
        assert!((said..=said + things * ALIGNMENT).contains(&counted), "{what}: {said} said, {counted} counted");
    }
}

/// Bytes of a texture as lavapipe lays it out, in blocks of 4x4 texels.
fn in_blocks(width: u32, height: u32) -> u64 {
    u64::from(width.next_multiple_of(4)) * u64::from(height.next_multiple_of(4)) * 16
}

fn check(name: &str, family: KernelFamily, precision: Precision, size: InputSize, max_batch: usize, taps: &[&str]) {
    let gpu = gpu();
    let architecture = Architecture::preset(name).unwrap();
    let weights = Weights::random(&architecture, 0).unwrap();
    let empty = Counts::now(&gpu);
    let options = LoadOptions::default().kernels(family).precision(precision);
    let model = Model::load_blocking(&gpu, &weights, options).unwrap();
    let loaded = Counts::now(&gpu).since(empty);
    let options = SessionOptions::new(size).max_batch(max_batch).taps(taps);
    let mut session = model.session_blocking(options).unwrap();
    assert_eq!(session.batch(), max_batch);
    let prepared = Counts::now(&gpu).since(empty);
    let what = format!("{name} {family} {precision} {size} batch {max_batch}");

    // What is printed before anything is loaded is what the session says.
    if taps.is_empty() {
        let footprint = session.program().footprint(&architecture, &gpu.facts().limits).unwrap();
        assert_eq!(footprint.weights, model.weight_bytes(), "{what}: weights");
        assert_eq!(footprint.total(), session.device_bytes(), "{what}: in all");
    }

    // Bytes that were said, of textures as we count them and as lavapipe does.
    let (mut textures, mut in_textures, mut blocks) = (0, 0, 0);
    for resource in &session.program().resources {
        if let &Resource::Texture { width, height, .. } = resource {
            textures += 1;
            in_textures += resource.bytes();
            blocks += in_blocks(width, height);
        }
    }
    let said = session.device_bytes() - model.weight_bytes();
    let own = prepared.since(loaded);
    assert_eq!(own.textures, textures, "{what}: textures of the session");
    // Activations that are no textures, parameters, two staging buffers.
    let buffers = session.program().resources.len() as i64 - textures + 3;
    assert_eq!(own.buffers, buffers, "{what}: buffers of the session");
    assert_bytes(&gpu, &format!("{what}: buffers of the session"), said - in_textures, own.buffer_bytes, buffers);
    let counted = if is_lavapipe(&gpu) { blocks } else { in_textures };
    assert_bytes(&gpu, &format!("{what}: textures of the session"), counted, own.texture_bytes, textures);

    // Weights: a texture for each array that is one, the others in one buffer, being less than 64 MiB.
    let is_texture = |array: &&PackedWeight| matches!(array.packing.kind(), ArrayKind::Texture { .. });
    let pictures = session.program().weights.iter().filter(is_texture).count();
    assert_eq!((loaded.textures, loaded.buffers), (pictures as i64, 1), "{what}: weights");
    // A model tells one number: in textures lavapipe's blocks come on top of it, up to 3 texels a side.
    let all = loaded.buffer_bytes + loaded.texture_bytes;
    if loaded.textures == 0 {
        assert_bytes(&gpu, &format!("{what}: weights"), model.weight_bytes(), all, loaded.buffers);
    } else {
        let weights = model.weight_bytes() as i64;
        assert!(all >= weights && all <= weights + weights / 5 + loaded.textures * 4096, "{what}: {weights}, {all}");
    }

    // A run allocates nothing that stays, and in the end everything is given back.
    let input = densenet_wgpu::weights::random::input(0, max_batch * session.image_elements());
    session.run_blocking(&input).unwrap();
    assert_eq!(Counts::now(&gpu).since(empty), prepared, "{what}: after a run");
    drop(session);
    assert_eq!(Counts::now(&gpu).since(empty), loaded, "{what}: without the session");
    drop(model);
    assert_eq!(Counts::now(&gpu), empty, "{what}: without the model");
}

#[test]
fn what_is_printed_is_what_is_allocated() {
    let _turn = adapter::turn();
    for family in KernelFamily::ALL {
        let check = |name, size, batch, taps: &[&str]| check(name, family, Precision::F32, size, batch, taps);
        check("densenet121", InputSize::square(224), 1, &[]);
        check("densenet121", InputSize { height: 45, width: 70 }, 3, &[]);
        check("densenet-bc-100-12", InputSize::square(32), 2, &[]);
        check("densenet-40-12", InputSize::square(29), 3, &["features.denseblock1", "features.transition2"]);
    }
    check("densenet121", KernelFamily::Buffer, Precision::F16, InputSize::square(64), 1, &[]);
}

#[test]
fn densenet121_takes_its_weights_and_at_most_ten_mebibytes() {
    let _turn = adapter::turn();
    let gpu = gpu();
    let weights = Weights::random(&Architecture::preset("densenet121").unwrap(), 0).unwrap();
    let empty = Counts::now(&gpu);
    let options = LoadOptions::default().kernels(KernelFamily::Buffer);
    let model = Model::load_blocking(&gpu, &weights, options).unwrap();
    let session = model.session_blocking(SessionOptions::new(InputSize::square(224))).unwrap();
    let parameters = 4 * model.architecture().parameter_count().unwrap();
    // Packed, they are hardly more than in the file.
    assert!(model.weight_bytes() < parameters + parameters / 50, "{} of {parameters}", model.weight_bytes());
    assert!(session.device_bytes() <= model.weight_bytes() + (10 << 20), "{}", session.device_bytes());
    let counted = Counts::now(&gpu).since(empty);
    assert!(counted.buffer_bytes + counted.texture_bytes <= model.weight_bytes() as i64 + (10 << 20), "{counted:?}");
}

#[test]
fn the_counters_notice_one_buffer_more() {
    let _turn = adapter::turn();
    let gpu = gpu();
    let before = Counts::now(&gpu);
    let descriptor = wgpu::BufferDescriptor {
        label: None,
        size: 4096,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: false,
    };
    let buffer = gpu.device().create_buffer(&descriptor);
    let with = Counts::now(&gpu).since(before);
    assert_eq!(with.buffers, 1);
    assert_bytes(&gpu, "one buffer", 4096, with.buffer_bytes, 1);
    drop(buffer);
    assert_eq!(Counts::now(&gpu), before);
}
