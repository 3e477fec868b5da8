//! Ring 4: a cancel token stops loading and running within a step, and spoils nothing for others.

mod adapter;

use std::time::{Duration, Instant};

use densenet_wgpu::weights::{self, Weights};
use densenet_wgpu::{
    Architecture, CancelToken, Error, Gpu, InputSize, KernelFamily, LoadOptions, Model, Output, Session, SessionOptions,
};

fn assert_cancelled<T: std::fmt::Debug>(result: densenet_wgpu::Result<T>) {
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
}

/// The same values, for a result of a cancelled session is no result.
fn run(model: &Model, options: SessionOptions, images: &[f32]) -> Output {
    model.session_blocking(options).unwrap().run_blocking(images).unwrap()
}

#[test]
fn objects_may_cross_threads() {
    fn shared<T: Clone + Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Gpu>();
    shared::<Model>();
    shared::<CancelToken>();
    sent::<Session>();
    sent::<densenet_wgpu::Pending>();
}

#[test]
fn loading_stops_at_every_step() {
    let _turn = adapter::turn();
    let (gpu, weights) = (adapter::gpu(), weights::embedded().unwrap());
    let token = CancelToken::new();
    token.cancel();
    assert_cancelled(Model::load_blocking(&gpu, &weights, LoadOptions::default().cancel(token)));
    let steps = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = steps.clone();
    let record = move |progress: densenet_wgpu::Progress| seen.lock().unwrap().push(progress.done);
    Model::load_blocking(&gpu, &weights, LoadOptions::default().progress(record)).unwrap();
    let steps = std::mem::take(&mut *steps.lock().unwrap());
    assert_eq!(steps, (0..steps.len()).collect::<Vec<_>>());
    for stop in steps {
        let token = CancelToken::new();
        let thrower = token.clone();
        let progress = move |progress: densenet_wgpu::Progress| {
            assert!(progress.done <= stop, "went on to step {} after {stop}", progress.done);
            if progress.done == stop {
                thrower.cancel();
            }
        };
        assert_cancelled(Model::load_blocking(&gpu, &weights, LoadOptions::default().progress(progress).cancel(token)));
    }
    Model::load_blocking(&gpu, &weights, LoadOptions::default()).unwrap();
}

/// DenseNet-121, whose passes take long enough on any software adapter.
fn densenet121(family: KernelFamily) -> Model {
    let weights = Weights::random(&Architecture::preset("densenet121").unwrap(), 0).unwrap();
    Model::load_blocking(&adapter::gpu(), &weights, LoadOptions::default().kernels(family)).unwrap()
}

#[test]
fn chunks_give_what_one_submission_gives() {
    let _turn = adapter::turn();
    for family in KernelFamily::ALL {
        let model = densenet121(family);
        let taps = ["features.relu0", "features.denseblock2.denselayer3", "features.denseblock4", "features.pool5"];
        let options = SessionOptions::new(InputSize { height: 97, width: 131 }).max_batch(2).taps(taps);
        let mut plain = model.session_blocking(options.clone()).unwrap();
        let mut chunked = model.session_blocking(options.cancel(CancelToken::new())).unwrap();
        let images = weights::random::input(5, 5 * plain.image_elements());
        // Memory is reused: what a pass leaves in it must not show.
        pollster::block_on(chunked.fill_activations(f32::NAN)).unwrap();
        let wanted = plain.run_blocking(&images).unwrap();
        assert_eq!(chunked.run_blocking(&images).unwrap(), wanted, "{family}");
        assert_eq!(pollster::block_on(chunked.run(&images)).unwrap(), wanted, "{family}");

        // In flight, awaited in either order, dropped half-way, and with other work between.
        let one = plain.image_elements();
        let pass = |session: &mut Session, at: usize| session.submit(&images[at * one..][..one]).unwrap();
        let row = |output: Output| output.row(0).to_vec();
        let (first, second) = (pass(&mut chunked, 0), pass(&mut chunked, 1));
        assert_eq!(row(second.wait_blocking().unwrap()), wanted.row(1), "{family}");
        assert_eq!(row(first.wait_blocking().unwrap()), wanted.row(0), "{family}");
        let (dropped, kept) = (pass(&mut chunked, 2), pass(&mut chunked, 3));
        drop(dropped);
        let waiting = std::thread::spawn(move || pollster::block_on(kept.wait()).unwrap());
        let last = pass(&mut chunked, 4);
        assert_eq!(row(waiting.join().unwrap()), wanted.row(3), "{family}");
        assert_eq!(row(last.wait_blocking().unwrap()), wanted.row(4), "{family}");
        let kept = pass(&mut chunked, 0);
        pollster::block_on(chunked.fill_activations(f32::NAN)).unwrap();
        assert_eq!(row(kept.wait_blocking().unwrap()), wanted.row(0), "{family}");
    }
}

#[test]
fn a_run_is_cancelled_before_during_and_after() {
    let _turn = adapter::turn();
    let gpu = adapter::gpu();
    let model = densenet121(gpu.facts().family());
    let options = SessionOptions::new(InputSize::square(224)).max_batch(8);
    let image = model.session_blocking(options.clone()).unwrap().image_elements();
    let images = weights::random::input(9, 16 * image);
    let start = Instant::now();
    let wanted = run(&model, options.clone(), &images);
    let whole = start.elapsed();

    let token = CancelToken::new();
    let mut session = model.session_blocking(options.clone().cancel(token.clone())).unwrap();
    token.cancel();
    assert_cancelled(session.run_blocking(&images));
    assert_cancelled(session.submit(&images[..image]).map(drop));
    assert_cancelled(model.session_blocking(options.clone().cancel(token)).map(drop));

    for asynchronous in [false, true] {
        let token = CancelToken::new();
        let mut session = model.session_blocking(options.clone().cancel(token.clone())).unwrap();
        let thrower = std::thread::spawn(move || {
            std::thread::sleep(whole / 8);
            token.cancel();
            Instant::now()
        });
        assert_cancelled(match asynchronous {
            false => session.run_blocking(&images),
            true => pollster::block_on(session.run(&images)),
        });
        let stopped = Instant::now();
        let late = stopped - thrower.join().unwrap();
        println!("{whole:?} in all, stopped {late:?} after it was asked to");
        // The device has two chunks at most; machines that run tests are busy.
        let most = if gpu.facts().kind == densenet_wgpu::AdapterKind::Software { whole / 4 } else { whole };
        assert!(late < most.max(Duration::from_millis(100)), "{late:?} of {whole:?}");
        // And it has no more to do than that.
        gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
        assert!(stopped.elapsed() < most.max(Duration::from_millis(100)), "{:?}", stopped.elapsed());
        assert_cancelled(session.run_blocking(&images[..image]));
    }

    // After it ended, the token changes nothing; and what others left in the device's memory is not seen.
    let token = CancelToken::new();
    let output = run(&model, options.cancel(token.clone()), &images);
    token.cancel();
    assert_eq!(output, wanted);
}
