//! Ring 2: whole programs recorded on wgpu's `noop` device, under WebGPU's default limits. It executes nothing, but
//! every buffer, bind group, pipeline and dispatch passes the validation that a real device would apply.

use densenet_wgpu::low_level::kernels::Program;
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::weights::{self, Weights};
use densenet_wgpu::{Architecture, Error, Gpu, InputSize, KernelFamily, LoadOptions, Model, SessionOptions};

fn noop() -> Gpu {
    // The device grants whatever it is asked for: the limits are stated here.
    let descriptor = wgpu::DeviceDescriptor { required_limits: wgpu::Limits::default(), ..Default::default() };
    let (device, queue) = wgpu::Device::noop(&descriptor);
    Gpu::with_device(device, queue)
}

fn record(gpu: &Gpu, name: &str, size: InputSize, batch: usize) {
    let architecture = Architecture::preset(name).unwrap();
    let weights = Weights::random(&architecture, 0).unwrap();
    for family in KernelFamily::ALL {
        // It computes nothing at all.
        let options = LoadOptions::default().self_test(false).kernels(family);
        let model = Model::load_blocking(gpu, &weights, options).unwrap();
        let taps = ["features.denseblock2", "features.denseblock1.denselayer1"];
        let options = SessionOptions::new(size).max_batch(batch).taps(taps);
        let mut session = model.session_blocking(options).unwrap();
        let output = session.run_blocking(&weights::random::input(0, batch * session.image_elements())).unwrap();
        assert_eq!(output.logits().len(), batch * architecture.output_channels());
    }
}

#[test]
fn presets_record_without_a_validation_error() {
    let gpu = noop();
    for (name, size, batch) in [
        ("densenet121", InputSize::square(224), 2),
        ("densenet121", InputSize { height: 97, width: 131 }, 3),
        ("densenet161", InputSize::square(224), 1),
        ("densenet169", InputSize::square(225), 1),
        ("densenet-40-12", InputSize::square(32), 8),
        ("densenet-bc-100-12", InputSize::square(32), 8),
        ("densenet-bc-190-40", InputSize::square(32), 1),
    ] {
        record(&gpu, name, size, batch);
    }
}

#[test]
fn every_preset_lowers_within_the_default_limits() {
    let gpu = noop();
    for name in densenet_wgpu::architecture::PRESETS {
        let side = if Architecture::preset(name).unwrap().classes() == Some(10) { 32 } else { 224 };
        let plan = Plan::new(&Architecture::preset(name).unwrap(), InputSize::square(side), 4).unwrap();
        for family in KernelFamily::ALL {
            let program = Program::lower(&plan, family, gpu.facts());
            assert!(program.is_ok(), "{name} {family}: {}", program.unwrap_err());
        }
    }
}

#[test]
fn a_large_batch_is_split_and_an_image_too_large_is_refused_by_the_limits_name() {
    let gpu = noop();
    let architecture = Architecture::preset("densenet-40-12").unwrap();
    let weights = Weights::random(&architecture, 0).unwrap();
    let model = Model::load_blocking(&gpu, &weights, LoadOptions::default().self_test(false)).unwrap();
    let session =
        |side, max_batch| model.session_blocking(SessionOptions::new(InputSize::square(side)).max_batch(max_batch));
    // 160 channels of 256 x 256 floats are 40 MiB: three fit into a binding of 128 MiB.
    let mut split = session(256, 8).unwrap();
    assert_eq!(split.batch(), 3);
    let output = split.run_blocking(&vec![0.0; 7 * split.image_elements()]).unwrap();
    assert_eq!(output.batch(), 7);
    match session(1024, 1).unwrap_err() {
        Error::Limit { limit, need, have, .. } => {
            assert_eq!((limit, have), ("max_storage_buffer_binding_size", 128 << 20));
            assert_eq!(need, 160 * 1024 * 1024 * 4);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn wgpu_would_notice_a_bad_dispatch() {
    let gpu = noop();
    let scope = gpu.device().push_error_scope(wgpu::ErrorFilter::Validation);
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    encoder.begin_compute_pass(&Default::default()).dispatch_workgroups(1, 1, 1);
    gpu.queue().submit([encoder.finish()]);
    assert!(pollster::block_on(scope.pop()).is_some());
}
