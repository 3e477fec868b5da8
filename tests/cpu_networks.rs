//! Ring 4: the CPU engine against the reference, tap by tap. Every activation and all scratch memory is NaN before each run.

mod compare;
mod golden_files;
mod head_layers;

use compare::{assert_close, compare_logits, tolerances};
use densenet_wgpu::architecture::{
    Branch, Head, HeadLayer, InputTransform, PRESETS, Padding, Pooling, Recipe, Stem, StemPool,
};
use densenet_wgpu::cpu::{Cpu, CpuOptions, Model};
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::reference::forward_keeping;
use densenet_wgpu::weights::{self, Weights};
use densenet_wgpu::{
    Activation, Architecture, CancelToken, Error, InputSize, KernelFamily, LoadOptions, Output, Precision,
    SessionOptions,
};
use golden_files::cases;
use head_layers::ACTIVATIONS;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

fn cpu(threads: usize) -> Cpu {
    Cpu::new(CpuOptions::default().threads(threads)).unwrap()
}

fn plan(architecture: &Architecture, size: InputSize, batch: usize) -> Plan {
    let plan = if architecture.classes().is_some() { Plan::with_class_maps } else { Plan::new };
    plan(architecture, size, batch).unwrap()
}

/// Runs with NaN everywhere, all taps kept.
fn run(cpu: &Cpu, weights: &Weights, size: InputSize, batch: usize, input: &[f32]) -> Output {
    let architecture = weights.architecture();
    let names = plan(architecture, size, batch).taps.into_iter().map(|tap| tap.name);
    let options = LoadOptions::default().class_maps(architecture.classes().is_some());
    let model = Model::load_blocking(cpu, weights, options).unwrap();
    let mut session = model.session_blocking(SessionOptions::new(size).max_batch(batch).taps(names)).unwrap();
    session.fill_activations(f32::NAN);
    session.run_blocking(input).unwrap()
}

/// Every tap, those of class maps included, against the reference; the same bits with 1, 2 and 3 threads.
fn check(architecture: &Architecture, size: InputSize, batch: usize, seed: u64) {
    let weights = Weights::random(architecture, seed).unwrap();
    let plan = plan(architecture, size, batch);
    let input = weights::random::input(seed, batch * architecture.input_channels * size.height * size.width);
    let wanted = forward_keeping(&weights, &input, batch, size, |name| plan.tap(name).is_ok()).unwrap();
    let output = run(&cpu(2), &weights, size, batch, &input);
    for tap in &plan.taps {
        let got = output.tap(&tap.name).unwrap();
        let want = wanted.get(&tap.name).unwrap_or_else(|| panic!("no {}", tap.name));
        assert_eq!(got.channels * got.height * got.width, want.shape().elements(), "{}", tap.name);
        let what = format!("{} {size} x {batch}: {}", architecture.name, tap.name);
        assert_close(&what, &got.data, &want.data, &tolerances(&wanted, &tap.name));
    }
    assert_close("output", output.logits(), wanted.logits(), &tolerances(&wanted, wanted.logits_name()));
    for threads in [1, 3] {
        assert_eq!(run(&cpu(threads), &weights, size, batch, &input), output, "{threads} threads");
    }
}

#[test]
fn every_preset() {
    for name in PRESETS {
        let architecture = Architecture::preset(name).unwrap();
        let side = if name.contains("bc") || name.contains("cifar") { 16 } else { 33 };
        // The widest networks for CIFAR have 250 layers: two blocks of them show as much.
        if architecture.layers.iter().sum::<usize>() > 110 {
            continue;
        }
        check(&architecture, InputSize { height: side, width: side + 7 }, 1, 3);
    }
}

#[test]
fn densenet121_of_its_usual_size() {
    check(&Architecture::preset("densenet121").unwrap(), InputSize::square(224), 1, 0);
}

#[test]
fn many_channels_are_added_up_in_rounds() {
    // 3x3 convolutions of more than one round, 1x1 convolutions of more than two calls.
    let plain = Recipe { bottleneck_factor: None, ..Recipe::imagenet(150, &[4]) };
    check(&Architecture { name: "plain".into(), ..plain.build("") }, InputSize::square(36), 2, 1);
    check(&Recipe::imagenet(96, &[12]).build("wide"), InputSize::square(40), 1, 2);
    let stem = Stem { kernel: 13, padding: Padding::all(6), ..Stem::cifar(8) };
    let recipe = Recipe { stem, input_channels: 5, ..Recipe::imagenet(4, &[1]) };
    check(&recipe.build("stem"), InputSize::square(9), 1, 2);
}

fn padding(kernel: usize) -> impl Strategy<Value = Padding> {
    let side = 0..kernel;
    prop_oneof![
        Just(Padding::Same),
        (side.clone(), side.clone(), side.clone(), side).prop_map(|(top, left, bottom, right)| Padding::Explicit {
            top,
            left,
            bottom,
            right
        }),
    ]
}

fn stem() -> impl Strategy<Value = Stem> {
    let pool = (1usize..4).prop_flat_map(|kernel| {
        (1usize..3, padding(kernel)).prop_map(move |(stride, padding)| StemPool { kernel, stride, padding })
    });
    (1usize..8).prop_flat_map(move |kernel| {
        (1usize..50, 1usize..4, padding(kernel), any::<bool>(), prop::option::of(pool.clone())).prop_map(
            move |(channels, stride, padding, norm, pool)| Stem { channels, kernel, stride, padding, norm, pool },
        )
    })
}

fn head_layer() -> impl Strategy<Value = HeadLayer> {
    prop_oneof![
        (1usize..80).prop_map(|outputs| HeadLayer::Linear { outputs }),
        Just(HeadLayer::BatchNorm { eps: 1e-3 }),
        select(&ACTIVATIONS[..]),
    ]
}

/// The size of a flattened map comes later.
fn head() -> impl Strategy<Value = Head> {
    let pooling = select(vec![
        Pooling::Average,
        Pooling::Maximum,
        Pooling::AverageMaximum,
        Pooling::MaximumAverage,
        Pooling::Flatten { height: 1, width: 1 },
    ]);
    let branches = prop_oneof![3 => Just(0usize), 1 => 2usize..4];
    (any::<bool>(), pooling, prop::collection::vec(head_layer(), 0..5), branches).prop_map(
        |(relu, pooling, layers, branches)| {
            let branch = |at: usize| Branch {
                name: format!("b{at}"),
                layers: vec![HeadLayer::Linear { outputs: 2 * at + 1 }],
                activation: Activation::None,
            };
            Head { relu, pooling, layers, branches: (0..branches).map(branch).collect() }
        },
    )
}

/// A network, a size that it admits, a batch.
fn network() -> impl Strategy<Value = (Architecture, InputSize, usize)> {
    let widths = (stem(), 1usize..49, prop::collection::vec(1usize..4, 1..5), prop::option::of(1usize..5));
    let rest = (0.3f64..1.0, 1usize..6, head(), any::<bool>());
    (widths, rest, (0usize..12, 0usize..12, 1usize..4)).prop_map(
        |((stem, growth_rate, layers, bottleneck_factor), (compression, input_channels, head, transformed), more)| {
            let recipe =
                Recipe { stem, growth_rate, layers, bottleneck_factor, compression, ..Recipe::imagenet(1, &[]) };
            let built = Recipe { input_channels, ..recipe }.build("random");
            let row = |o: usize| (0..input_channels).map(|i| 0.5 - ((o + 2 * i) % 3) as f64 / 2.0).collect();
            let input = InputTransform {
                weights: (0..input_channels).map(row).collect(),
                shift: (0..input_channels).map(|o| o as f64 - 1.0).collect(),
                size: None,
            };
            let mut architecture = Architecture { input: transformed.then_some(input), head, ..built };
            let flat = std::mem::replace(&mut architecture.head.pooling, Pooling::Average);
            let least = architecture.least_size().unwrap();
            let size = InputSize { height: least.height + more.0, width: least.width + more.1 };
            architecture.head.pooling = flat;
            if let Pooling::Flatten { .. } = flat {
                let mut pooled = architecture.clone();
                pooled.head = Head::linear(None);
                let plan = Plan::new(&pooled, size, 1).unwrap();
                let last = plan.tap(&format!("features.denseblock{}", pooled.layers.len())).unwrap();
                let tensor = plan.tensor(last.view.tensor);
                let (height, width) = (tensor.height, tensor.width);
                architecture.head.pooling = Pooling::Flatten { height, width };
            }
            (architecture, size, more.2)
        },
    )
}

proptest! {
    // The same networks every time: a test that fails must fail for whoever looks into it.
    #![proptest_config(ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(15), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_networks((architecture, size, batch) in network(), seed in 0u64..1000) {
        check(&architecture, size, batch, seed);
    }
}

#[test]
fn it_agrees_with_pytorch_and_keras() {
    for case in cases() {
        let weights = case.weights();
        let output = run(&cpu(2), &weights, case.size, case.batch, &case.input);
        let outputs = forward_keeping(&weights, &case.input, case.batch, case.size, |_| false).unwrap();
        assert_close(&case.name, output.logits(), &case.logits, &compare::logit_tolerances(&outputs, 1.0));
        compare_logits(&outputs, &case.logits, 0.1).unwrap();
    }
}

fn small() -> (Weights, InputSize) {
    let recipe = Recipe { stem: Stem::cifar(8), classes: Some(3), ..Recipe::imagenet(6, &[2, 2]) };
    (Weights::random(&recipe.build("small"), 5).unwrap(), InputSize::square(12))
}

#[test]
fn any_number_of_images_in_passes_of_any_size() {
    let (weights, size) = small();
    let model = Model::load_blocking(&cpu(2), &weights, LoadOptions::default()).unwrap();
    let tap = "features.denseblock1";
    let options = |batch| SessionOptions::new(size).max_batch(batch).taps([tap]);
    let input = weights::random::input(1, 5 * 3 * 12 * 12);
    let mut sessions = [1, 2, 3, 5, 8].map(|batch| model.session_blocking(options(batch)).unwrap());
    let outputs = sessions.each_mut().map(|session| session.run_blocking(&input).unwrap());
    let wanted = forward_keeping(&weights, &input, 5, size, |name| name == tap).unwrap();
    for output in &outputs {
        assert_eq!((output.batch(), output.columns()), (5, 3));
        assert_close("logits", output.logits(), wanted.logits(), &tolerances(&wanted, wanted.logits_name()));
        let (got, want) = (output.tap(tap).unwrap(), wanted.get(tap).unwrap());
        assert_close(tap, &got.data, &want.data, &tolerances(&wanted, tap));
    }
    // The memory of one run does not show in the next.
    let once_more = sessions[4].run_blocking(&input[..3 * 12 * 12]).unwrap();
    assert_close(
        "one",
        once_more.row(0),
        wanted.logits().split_at(3).0,
        &tolerances(&wanted, wanted.logits_name())[..3],
    );
    assert_eq!(sessions[4].run_blocking(&input).unwrap(), outputs[4]);
    assert_eq!(pollster::block_on(sessions[2].run(&input)).unwrap(), outputs[2], "awaited");
}

#[test]
fn what_cannot_be_is_refused() {
    let (weights, size) = small();
    let message = |result: densenet_wgpu::Result<Model>| result.map(|_| ()).unwrap_err().to_string();
    let load = |options: LoadOptions| Model::load_blocking(&cpu(1), &weights, options);
    for threads in [0, 1025, 100_000, usize::MAX] {
        let refused = Cpu::new(CpuOptions::default().threads(threads)).unwrap_err().to_string();
        assert!(refused.contains("1 to 1024 threads"), "{refused}");
    }
    assert!(message(load(LoadOptions::default().precision(Precision::F16))).contains("computes in f32"));
    assert!(message(load(LoadOptions::default().kernels(KernelFamily::Buffer))).contains("for adapters"));
    let headless = Weights::without_classifier(weights.clone());
    let maps = Model::load_blocking(&cpu(1), &headless, LoadOptions::default().class_maps(true));
    assert!(matches!(maps, Err(Error::Architecture(_))));

    let model = load(LoadOptions::default()).unwrap();
    let session = |options: SessionOptions| model.session_blocking(options).map(|_| ());
    assert!(matches!(session(SessionOptions::new(size).taps(["features.relu9"])), Err(Error::Tap { .. })));
    assert!(matches!(session(SessionOptions::new(size).taps([densenet_wgpu::CLASS_MAPS])), Err(Error::Tap { .. })));
    assert!(matches!(session(SessionOptions::new(size).max_batch(0)), Err(Error::Input(_))));
    assert!(matches!(session(SessionOptions::new(InputSize::square(1))), Err(Error::Input(_))));

    let mut session = model.session_blocking(SessionOptions::new(size)).unwrap();
    assert!(matches!(session.run_blocking(&[0.0; 7]), Err(Error::Input(_))));
    let mut image = vec![0.0; session.image_elements()];
    image[9] = f32::NAN;
    assert!(matches!(session.run_blocking(&image), Err(Error::Input(_))));
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_session_that_no_memory_holds_is_an_error() {
    // One feature map of 343 TB, more than a process can address.
    let recipe = Recipe { stem: Stem::cifar(20_000), classes: Some(3), ..Recipe::imagenet(4, &[1]) };
    let weights = Weights::random(&recipe.build("immense"), 1).unwrap();
    let model = Model::load_blocking(&cpu(2), &weights, LoadOptions::default()).unwrap();
    let refused = model.session_blocking(SessionOptions::new(InputSize::square(65_536))).unwrap_err();
    assert!(matches!(refused, Error::OutOfMemory(_)), "{refused}");
    assert!(refused.to_string().contains("use a smaller batch or input size"), "{refused}");
}

#[test]
fn a_batch_of_any_size_takes_passes_of_a_gibibyte_at_most() {
    let (weights, size) = small();
    let model = Model::load_blocking(&cpu(2), &weights, LoadOptions::default()).unwrap();
    let session = model.session_blocking(SessionOptions::new(size).max_batch(1 << 20)).unwrap();
    assert!(session.batch() > 1000 && session.plan().activation_bytes() <= 1 << 30, "{}", session.batch());
}

#[test]
fn numbers_that_overflow_are_an_error_and_no_answer() {
    let (weights, size) = small();
    let model = Model::load_blocking(&cpu(2), &weights, LoadOptions::default()).unwrap();
    let mut session = model.session_blocking(SessionOptions::new(size)).unwrap();
    for value in [1e38, -1e38, 3e38] {
        let image = vec![value; session.image_elements()];
        let refused = session.run_blocking(&image);
        assert!(matches!(refused, Err(Error::Weights(_))), "{value}: {refused:?}");
    }
    assert!(session.run_blocking(&vec![1.0; session.image_elements()]).is_ok(), "and then it works again");
}

#[test]
fn a_token_stops_loading_and_running() {
    let (weights, size) = small();
    let token = CancelToken::new();
    let model = Model::load_blocking(&cpu(2), &weights, LoadOptions::default().cancel(token.clone())).unwrap();
    let options = SessionOptions::new(size).cancel(token.clone());
    let mut session = model.session_blocking(options.clone()).unwrap();
    let image = vec![0.5; session.image_elements()];
    session.run_blocking(&image).unwrap();
    token.cancel();
    assert!(matches!(session.run_blocking(&image), Err(Error::Cancelled)));
    assert!(matches!(pollster::block_on(session.run(&image)), Err(Error::Cancelled)));
    assert!(matches!(model.session_blocking(options), Err(Error::Cancelled)));
    let loading = Model::load_blocking(&cpu(2), &weights, LoadOptions::default().cancel(token));
    assert!(matches!(loading, Err(Error::Cancelled)));
}

#[test]
fn progress_and_times_name_the_steps() {
    let (weights, size) = small();
    let (sender, receiver) = std::sync::mpsc::channel();
    let options = LoadOptions::default().progress(move |progress| sender.send(progress).unwrap());
    let model = Model::load_blocking(&cpu(2), &weights, options).unwrap();
    let said: Vec<_> = receiver.iter().collect();
    assert_eq!(said[0].done, 0);
    assert!(said.windows(2).all(|pair| pair[0].done < pair[1].done && pair[0].total == pair[1].total));
    let last = said.last().unwrap();
    assert!(last.done == last.total && last.what == "done", "{last:?}");

    let mut session = model.session_blocking(SessionOptions::new(size).max_batch(2)).unwrap();
    let times = session.profile_blocking(&vec![0.1; 2 * session.image_elements()]).unwrap();
    let steps: Vec<_> = session.plan().steps.iter().map(|step| (step.name.clone(), 2 * step.macs)).collect();
    assert_eq!(times.iter().map(|time| (time.name.clone(), time.macs)).collect::<Vec<_>>(), steps);
    assert!(session.profile_blocking(&vec![0.1; 3 * session.image_elements()]).is_err());
}

#[test]
fn several_threads_share_a_model() {
    fn shared<T: Clone + Send + Sync>() {}
    shared::<Model>();
    shared::<Cpu>();
    let (weights, size) = small();
    let model = Model::load_blocking(&cpu(2), &weights, LoadOptions::default()).unwrap();
    let input = weights::random::input(1, 3 * 12 * 12);
    let answer = || model.session_blocking(SessionOptions::new(size)).unwrap().run_blocking(&input).unwrap();
    let first = answer();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| (0..5).map(|_| answer()).collect::<Vec<_>>())).collect();
        for thread in threads {
            assert!(thread.join().unwrap().iter().all(|output| *output == first));
        }
    });
}

#[test]
fn a_run_that_is_dropped_leaves_the_session_as_it_was() {
    use std::future::Future as _;
    use std::task::{Context, Waker};
    let (weights, size) = small();
    for threads in [1, 2, 4] {
        let model = Model::load_blocking(&cpu(threads), &weights, LoadOptions::default()).unwrap();
        let mut session = model.session_blocking(SessionOptions::new(size).max_batch(4)).unwrap();
        let input = weights::random::input(1, 4 * 3 * 12 * 12);
        let wanted = session.run_blocking(&input).unwrap();
        for _ in 0..100 {
            let mut run = Box::pin(session.run(&input));
            let _ = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            drop(run);
            assert_eq!(pollster::block_on(session.run(&input)).unwrap(), wanted);
        }
    }
}
