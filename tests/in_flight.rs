//! Ring 4: passes in flight. What is submitted ahead gives what separate runs give, and nobody's misfortune spoils the
//! next.

mod adapter;

use densenet_wgpu::weights::{self, Weights};
use densenet_wgpu::{
    AdapterFacts, Architecture, DeviceLimits, Error, Gpu, InputSize, KernelFamily, LoadOptions, Model, Session,
    SessionOptions,
};

fn session(family: KernelFamily, max_batch: usize, taps: &[&str]) -> Session {
    let weights = Weights::random(&Architecture::preset("densenet-40-12").unwrap(), 0).unwrap();
    let options = LoadOptions::default().kernels(family);
    let model = Model::load_blocking(&adapter::gpu(), &weights, options).unwrap();
    let options = SessionOptions::new(InputSize::square(24)).max_batch(max_batch).taps(taps);
    model.session_blocking(options).unwrap()
}

/// Different images for each pass.
fn images(session: &Session, pass: u64, count: usize) -> Vec<f32> {
    weights::random::input(pass, count * session.image_elements())
}

#[test]
fn results_in_flight_equal_those_of_separate_runs() {
    let _turn = adapter::turn();
    for family in KernelFamily::ALL {
        let mut session = session(family, 3, &["features.denseblock2"]);
        let inputs: Vec<Vec<f32>> = (0..6).map(|pass| images(&session, pass, 1 + pass as usize % 3)).collect();
        let wanted: Vec<_> = inputs.iter().map(|input| session.run_blocking(input).unwrap()).collect();
        assert_ne!(wanted[0].logits()[..10], wanted[1].logits()[..10]);
        let mut before = session.submit(&inputs[0]).unwrap();
        for pass in 1..6 {
            let next = session.submit(&inputs[pass]).unwrap();
            assert_eq!(next.batch(), wanted[pass].batch());
            let output = std::mem::replace(&mut before, next).wait_blocking().unwrap();
            assert_eq!(output, wanted[pass - 1], "{family} pass {pass}");
        }
        assert_eq!(pollster::block_on(before.wait()).unwrap(), wanted[5]);
        // In the other order, by futures.
        let (first, second) = (session.submit(&inputs[2]).unwrap(), session.submit(&inputs[4]).unwrap());
        assert_eq!(pollster::block_on(second.wait()).unwrap(), wanted[4]);
        assert_eq!(pollster::block_on(first.wait()).unwrap(), wanted[2]);
        // A run of several passes beside one in flight.
        let beside = session.submit(&inputs[1]).unwrap();
        let all = [&inputs[2][..], &inputs[5][..], &inputs[0][..]].concat();
        let together = session.run_blocking(&all).unwrap();
        assert_eq!(together.logits(), [wanted[2].logits(), wanted[5].logits(), wanted[0].logits()].concat());
        assert_eq!(beside.wait_blocking().unwrap(), wanted[1]);
    }
}

#[test]
fn threads_may_wait_while_others_submit() {
    let _turn = adapter::turn();
    let mut session = session(KernelFamily::Buffer, 2, &[]);
    let inputs: Vec<Vec<f32>> = (0..8).map(|pass| images(&session, pass, 2)).collect();
    let wanted: Vec<_> = inputs.iter().map(|input| session.run_blocking(input).unwrap()).collect();
    let mut waiting = std::collections::VecDeque::new();
    for (pass, input) in inputs.iter().enumerate() {
        if waiting.len() == Session::IN_FLIGHT {
            let (pass, thread): (usize, std::thread::JoinHandle<_>) = waiting.pop_front().unwrap();
            assert_eq!(thread.join().unwrap(), wanted[pass]);
        }
        let pending = session.submit(input).unwrap();
        waiting.push_back((pass, std::thread::spawn(move || pollster::block_on(pending.wait()).unwrap())));
    }
    for (pass, thread) in waiting {
        assert_eq!(thread.join().unwrap(), wanted[pass]);
    }
}

#[test]
fn what_is_dropped_leaves_no_trace() {
    let _turn = adapter::turn();
    let mut session = session(KernelFamily::Buffer, 2, &[]);
    let (one, two) = (images(&session, 1, 2), images(&session, 2, 1));
    let wanted = session.run_blocking(&two).unwrap();
    for _ in 0..2 * Session::IN_FLIGHT {
        drop(session.submit(&one).unwrap());
    }
    assert_eq!(session.run_blocking(&two).unwrap(), wanted);
    let kept = session.submit(&two).unwrap();
    drop(session.submit(&one).unwrap());
    drop(session.submit(&one).unwrap());
    // Longer than its session.
    drop(session);
    assert_eq!(kept.wait_blocking().unwrap(), wanted);
}

#[test]
fn too_many_passes_and_too_many_images_are_refused() {
    let _turn = adapter::turn();
    let mut session = session(KernelFamily::Buffer, 2, &[]);
    let input = images(&session, 0, 2);
    let wanted = session.run_blocking(&input).unwrap();
    let pending: Vec<_> = (0..Session::IN_FLIGHT).map(|_| session.submit(&input).unwrap()).collect();
    for refused in [session.submit(&input).map(drop), session.run_blocking(&input).map(drop)] {
        assert!(refused.unwrap_err().to_string().contains("2 passes are in flight"));
    }
    for one in pending {
        assert_eq!(one.wait_blocking().unwrap(), wanted);
    }
    let error = session.submit(&images(&session, 0, 3)).unwrap_err().to_string();
    assert!(error.contains("3 images do not fit one pass of 2"), "{error}");
    assert!(session.submit(&input[1..]).is_err());
    assert_eq!(session.run_blocking(&input).unwrap(), wanted);
}

/// A device that refuses more than four workgroups along an axis, loaded as if it did not.
fn deceived() -> Model {
    let limits = wgpu::Limits { max_compute_workgroups_per_dimension: 4, ..wgpu::Limits::default() };
    let (device, queue) = wgpu::Device::noop(&wgpu::DeviceDescriptor { required_limits: limits, ..Default::default() });
    let gpu = Gpu::with_device(device, queue);
    let facts = AdapterFacts { limits: DeviceLimits::default(), ..gpu.facts().clone() };
    let mut architecture = Architecture::preset("densenet-40-12").unwrap();
    architecture.layers = vec![1, 1, 1];
    architecture.transition_channels = vec![28, 40];
    let weights = Weights::random(&architecture, 0).unwrap();
    // It computes nothing at all.
    let options = LoadOptions::default().kernels(KernelFamily::Texture).self_test(false);
    Model::load_blocking(&gpu.with_facts(facts), &weights, options).unwrap()
}

#[test]
fn what_the_device_refuses_arrives_where_it_is_awaited() {
    let model = deceived();
    let side = model.architecture().least_size().unwrap();
    let mut session = model.session_blocking(SessionOptions::new(side).max_batch(64)).unwrap();
    let (few, many) = (images(&session, 0, 1), images(&session, 0, 64));
    session.run_blocking(&few).unwrap();
    for _ in 0..2 {
        let (refused, fine) = (session.submit(&many).unwrap(), session.submit(&few).unwrap());
        let error = refused.wait_blocking().unwrap_err();
        assert!(matches!(&error, Error::Device(reason) if reason.contains("running the network")), "{error}");
        fine.wait_blocking().unwrap();
    }
    assert!(pollster::block_on(session.run(&many)).is_err());
    session.run_blocking(&few).unwrap();
}

#[test]
fn a_device_that_is_gone_is_an_error() {
    let _turn = adapter::turn();
    // One of its own, since it will be destroyed.
    let gpu = Gpu::new_blocking(adapter::gpu_options()).unwrap();
    let model = Model::load_blocking(&gpu, &weights::embedded().unwrap(), LoadOptions::default()).unwrap();
    let mut session = model.session_blocking(SessionOptions::new(InputSize::square(28))).unwrap();
    let input = images(&session, 0, 1);
    let (first, second) = (session.submit(&input).unwrap(), session.submit(&input).unwrap());
    gpu.device().destroy();
    // Nothing hangs and nothing panics: not those in flight, and not those that come.
    drop(first);
    assert!(second.wait_blocking().is_err());
    let later = session.submit(&input).and_then(|pending| pending.wait_blocking());
    assert!(later.is_err());
    assert!(pollster::block_on(session.run(&input)).is_err());
}
