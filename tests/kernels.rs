//! Ring 3: each kernel against naive loops, on the adapter that is there.
//!
//! A network of odd shapes runs with all its taps; then every step is computed again from the values that the adapter
//! itself gave it, in f64 loops that share nothing with the library. The tolerance is the rounding bound of the
//! accumulation: n terms summed in f32, in any order, err by at most about n eps times the sum of their magnitudes.

mod adapter;

use adapter::CHOICES;
use densenet_wgpu::architecture::{Padding, Recipe, Stem};
use densenet_wgpu::low_level::kernels::{Kernel, Variant};
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::weights::{self, Weights};
use densenet_wgpu::{
    AdapterFacts, Architecture, FeatureMaps, Gpu, InputSize, KernelFamily, Model, Output, Precision, SessionOptions,
    Tuning,
};

/// A value computed naively, and the magnitude that its rounding error is relative to.
#[derive(Clone, Copy)]
struct Exact {
    value: f64,
    magnitude: f64,
}

/// NCHW values that the adapter gave.
#[derive(Clone)]
struct Map {
    channels: usize,
    height: usize,
    width: usize,
    data: Vec<f32>,
}

impl Map {
    fn at(&self, n: usize, c: usize, y: isize, x: isize) -> f64 {
        if y < 0 || x < 0 || y >= self.height as isize || x >= self.width as isize {
            return 0.0;
        }
        f64::from(self.data[((n * self.channels + c) * self.height + y as usize) * self.width + x as usize])
    }

    fn from(tap: &FeatureMaps) -> Map {
        Map { channels: tap.channels, height: tap.height, width: tap.width, data: tap.data.clone() }
    }

    fn concatenate(parts: &[Map], batch: usize) -> Map {
        let (height, width) = (parts[0].height, parts[0].width);
        let mut data = Vec::new();
        for n in 0..batch {
            for part in parts {
                let image = part.channels * height * width;
                data.extend_from_slice(&part.data[n * image..(n + 1) * image]);
            }
        }
        Map { channels: parts.iter().map(|part| part.channels).sum(), height, width, data }
    }
}

/// Scale and shift of one channel.
fn affine(weights: &Weights, norm: &str, c: usize) -> (f64, f64) {
    let part = |part: &str| f64::from(weights.tensor(&format!("{norm}.{part}")).unwrap().data[c]);
    let scale = part("weight") / (part("running_var") + weights.architecture().eps).sqrt();
    (scale, part("bias") - part("running_mean") * scale)
}

/// The pre-activation of a map; in f64, so that places outside stay 0.
fn activated(weights: &Weights, norm: &str, map: &Map) -> impl Fn(usize, usize, isize, isize) -> f64 + use<> {
    let affines: Vec<(f64, f64)> = (0..map.channels).map(|c| affine(weights, norm, c)).collect();
    let map = map.clone();
    move |n, c, y, x| {
        if y < 0 || x < 0 || y >= map.height as isize || x >= map.width as isize {
            return 0.0;
        }
        (map.at(n, c, y, x) * affines[c].0 + affines[c].1).max(0.0)
    }
}

struct Window {
    kernel: usize,
    stride: usize,
    top: usize,
    left: usize,
}

fn convolve(
    load: impl Fn(usize, usize, isize, isize) -> f64,
    weight: &weights::Tensor,
    window: &Window,
    batch: usize,
    [height, width]: [usize; 2],
) -> Vec<Exact> {
    let (outputs, inputs, k) = (weight.shape[0], weight.shape[1], window.kernel);
    let mut all = Vec::new();
    for n in 0..batch {
        for o in 0..outputs {
            for y in 0..height {
                for x in 0..width {
                    let mut exact = Exact { value: 0.0, magnitude: 0.0 };
                    for c in 0..inputs {
                        for u in 0..k {
                            for v in 0..k {
                                let row = (y * window.stride + u) as isize - window.top as isize;
                                let column = (x * window.stride + v) as isize - window.left as isize;
                                let w = f64::from(weight.data[((o * inputs + c) * k + u) * k + v]);
                                let term = w * load(n, c, row, column);
                                exact.value += term;
                                exact.magnitude += term.abs();
                            }
                        }
                    }
                    all.push(exact);
                }
            }
        }
    }
    all
}

/// A norm and ReLU behind a convolution: what folding must amount to.
fn norm_relu(weights: &Weights, norm: &str, channels: usize, values: Vec<Exact>, pixels: usize) -> Vec<Exact> {
    let affines: Vec<(f64, f64)> = (0..channels).map(|c| affine(weights, norm, c)).collect();
    let apply = |(i, exact): (usize, Exact)| {
        let (scale, shift) = affines[i / pixels % channels];
        let magnitude = exact.magnitude * scale.abs() + shift.abs();
        Exact { value: (exact.value * scale + shift).max(0.0), magnitude }
    };
    values.into_iter().enumerate().map(apply).collect()
}

/// `rounding` is what the weights' rounding adds to each term, as a share of it.
fn compare(name: &str, got: &[f32], want: &[Exact], terms: usize, rounding: f64) {
    assert_eq!(got.len(), want.len(), "{name}: length");
    for (i, (&got, want)) in got.iter().zip(want).enumerate() {
        let accumulation = (terms + 8) as f64 * f64::from(f32::EPSILON);
        let bound = (accumulation + rounding) * (want.magnitude + want.value.abs()) + 1e-30;
        let error = (f64::from(got) - want.value).abs();
        // NaN fails too: it is not below anything.
        assert!(error <= bound, "{name}: element {i} is {got}, not {} (error {error:e}, bound {bound:e})", want.value);
    }
}

/// Runs `architecture` in every way that the adapter can, with every activation NaN before, and checks each step.
fn check(architecture: &Architecture, size: InputSize, batch: usize) {
    for choice in CHOICES {
        let weights = Weights::random(architecture, 7).unwrap();
        check_model(&choice.load(&weights), &weights, size, batch);
    }
}

fn check_model(model: &Model, weights: &Weights, size: InputSize, batch: usize) {
    let _turn = adapter::turn();
    let architecture = weights.architecture();
    let taps = Plan::new(architecture, size, 1).unwrap().taps.into_iter().map(|tap| tap.name);
    let options = SessionOptions::new(size).max_batch(batch).taps(taps);
    let mut session = model.session_blocking(options).unwrap();
    assert_eq!(session.batch(), batch);
    pollster::block_on(session.fill_activations(f32::NAN)).unwrap();
    let input = weights::random::input(3, batch * session.image_elements());
    let output = session.run_blocking(&input).unwrap();
    let image = Map { channels: architecture.input_channels, height: size.height, width: size.width, data: input };
    let rounding = if model.precision() == Precision::F16 { HALF } else { 0.0 };
    check_steps(weights, &image, &output, rounding);
}

/// Half a unit in the last of f16's 11 bits, and what is subnormal.
const HALF: f64 = 1.1 / 2048.0;

fn check_steps(weights: &Weights, image: &Map, output: &Output, rounding: f64) {
    let architecture = weights.architecture();
    let batch = output.batch();
    let tap = |name: &str| Map::from(output.tap(name).unwrap_or_else(|| panic!("no tap {name}")));
    let tensor = |name: &str| weights.tensor(name).unwrap();

    let stem = architecture.stem;
    let padding = stem.padding.resolve(stem.kernel, stem.stride, image.height, image.width);
    let window = Window { kernel: stem.kernel, stride: stem.stride, top: padding[0][0], left: padding[1][0] };
    let name = if stem.norm { "features.relu0" } else { "features.conv0" };
    let mut entry = tap(name);
    let load = |n, c, y, x| image.at(n, c, y, x);
    let size = [entry.height, entry.width];
    let mut exact = convolve(load, tensor("features.conv0.weight"), &window, batch, size);
    if stem.norm {
        exact = norm_relu(weights, "features.norm0", entry.channels, exact, size[0] * size[1]);
    }
    compare(name, &entry.data, &exact, architecture.input_channels * stem.kernel * stem.kernel, rounding);
    if let Some(pool) = stem.pool {
        let pooled = tap("features.pool0");
        let padding = pool.padding.resolve(pool.kernel, pool.stride, entry.height, entry.width);
        let mut want = Vec::new();
        for plane in entry.data.chunks(entry.height * entry.width) {
            for y in 0..pooled.height {
                for x in 0..pooled.width {
                    let mut best = f32::NEG_INFINITY;
                    for u in 0..pool.kernel {
                        for v in 0..pool.kernel {
                            let row = (y * pool.stride + u).wrapping_sub(padding[0][0]);
                            let column = (x * pool.stride + v).wrapping_sub(padding[1][0]);
                            if row < entry.height && column < entry.width {
                                best = best.max(plane[row * entry.width + column]);
                            }
                        }
                    }
                    want.push(best);
                }
            }
        }
        assert_eq!(pooled.data, want, "features.pool0");
        entry = pooled;
    }

    for (block, &layers) in architecture.layers.iter().enumerate() {
        let mut parts = vec![entry.clone()];
        for layer in 1..=layers {
            let name = format!("features.denseblock{}.denselayer{layer}", block + 1);
            let sofar = Map::concatenate(&parts, batch);
            let new = tap(&name);
            let size = [sofar.height, sofar.width];
            let one = Window { kernel: 1, stride: 1, top: 0, left: 0 };
            let three = Window { kernel: 3, stride: 1, top: 1, left: 1 };
            let load = activated(weights, &format!("{name}.norm1"), &sofar);
            let first = tensor(&format!("{name}.conv1.weight"));
            if architecture.bottleneck.is_some() {
                let relu2 = tap(&format!("{name}.relu2"));
                let exact = convolve(load, first, &one, batch, size);
                let norm = format!("{name}.norm2");
                let exact = norm_relu(weights, &norm, relu2.channels, exact, size[0] * size[1]);
                compare(&format!("{name}.relu2"), &relu2.data, &exact, sofar.channels, rounding);
                let load = |n, c, y, x| relu2.at(n, c, y, x);
                let exact = convolve(load, tensor(&format!("{name}.conv2.weight")), &three, batch, size);
                compare(&name, &new.data, &exact, 9 * relu2.channels, rounding);
            } else {
                let exact = convolve(load, first, &three, batch, size);
                compare(&name, &new.data, &exact, 9 * sofar.channels, rounding);
            }
            parts.push(new);
        }
        let whole = Map::concatenate(&parts, batch);
        let name = format!("features.denseblock{}", block + 1);
        assert_eq!(tap(&name).data, whole.data, "{name} is not the concatenation of its layers");
        if block + 1 < architecture.layers.len() {
            entry = check_transition(weights, &whole, output, block, rounding);
        } else {
            check_end(weights, &whole, output, rounding);
        }
    }
}

fn check_transition(weights: &Weights, whole: &Map, output: &Output, block: usize, rounding: f64) -> Map {
    let name = format!("features.transition{}", block + 1);
    let pooled = Map::from(output.tap(&format!("{name}.pooled")).unwrap());
    let load = activated(weights, &format!("{name}.norm"), whole);
    let mut exact = Vec::new();
    for n in 0..output.batch() {
        for c in 0..whole.channels {
            let (_, shift) = affine(weights, &format!("{name}.norm"), c);
            for y in 0..pooled.height as isize {
                for x in 0..pooled.width as isize {
                    let places = [(2 * y, 2 * x), (2 * y, 2 * x + 1), (2 * y + 1, 2 * x), (2 * y + 1, 2 * x + 1)];
                    let value = places.iter().map(|&(y, x)| load(n, c, y, x)).sum::<f64>() / 4.0;
                    exact.push(Exact { value, magnitude: value + 2.0 * shift.abs() });
                }
            }
        }
    }
    compare(&format!("{name}.pooled"), &pooled.data, &exact, 4, 0.0);
    let result = Map::from(output.tap(&name).unwrap());
    let weight = weights.tensor(&format!("{name}.conv.weight")).unwrap();
    let one = Window { kernel: 1, stride: 1, top: 0, left: 0 };
    let load = |n, c, y, x| pooled.at(n, c, y, x);
    let exact = convolve(load, weight, &one, output.batch(), [pooled.height, pooled.width]);
    compare(&name, &result.data, &exact, whole.channels, rounding);
    result
}

fn check_end(weights: &Weights, whole: &Map, output: &Output, rounding: f64) {
    let features = Map::from(output.tap("features.pool5").unwrap());
    let load = activated(weights, "features.norm5", whole);
    let pixels = whole.height * whole.width;
    let mut exact = Vec::new();
    for n in 0..output.batch() {
        for c in 0..whole.channels {
            let (_, shift) = affine(weights, "features.norm5", c);
            let places = (0..pixels).map(|p| load(n, c, (p / whole.width) as isize, (p % whole.width) as isize));
            let value = places.sum::<f64>() / pixels as f64;
            exact.push(Exact { value, magnitude: value + 2.0 * shift.abs() });
        }
    }
    compare("features.pool5", &features.data, &exact, pixels, 0.0);
    let Some(classes) = weights.architecture().classes() else {
        assert_eq!(output.logits(), features.data);
        return;
    };
    let weight = weights.tensor("classifier.weight").unwrap();
    let bias = weights.tensor("classifier.bias").unwrap();
    let mut exact = Vec::new();
    for n in 0..output.batch() {
        for k in 0..classes {
            let row = &weight.data[k * whole.channels..][..whole.channels];
            let terms = || row.iter().enumerate().map(|(c, &w)| f64::from(w) * features.at(n, c, 0, 0));
            let b = f64::from(bias.data[k]);
            let magnitude = terms().map(f64::abs).sum::<f64>() + b.abs();
            exact.push(Exact { value: terms().sum::<f64>() + b, magnitude });
        }
    }
    compare("classifier", output.logits(), &exact, whole.channels, rounding);
}

/// A network with a bare stem, so that the first block has exactly the input's size.
fn network(first: usize, growth: usize, layers: &[usize], bottleneck: bool) -> Architecture {
    Recipe {
        stem: Stem::cifar(first),
        bottleneck_factor: bottleneck.then_some(4),
        classes: Some(7),
        ..Recipe::imagenet(growth, layers)
    }
    .build("test")
}

#[test]
fn growth_rates_and_first_channels() {
    for (first, growth) in [(96, 48), (160, 32), (150, 12), (24, 40), (33, 5), (16, 24), (7, 1)] {
        check(&network(first, growth, &[2, 1], true), InputSize { height: 7, width: 14 }, 1);
    }
}

#[test]
fn plain_layers() {
    check(&network(16, 12, &[2, 2], false), InputSize { height: 13, width: 9 }, 2);
    check(&network(9, 5, &[3], false), InputSize::square(8), 1);
}

#[test]
fn spatial_sizes_down_to_one_pixel() {
    for (height, width) in [(1, 1), (1, 17), (5, 1), (2, 3), (13, 14), (14, 28)] {
        check(&network(12, 8, &[2], true), InputSize { height, width }, 1);
    }
}

#[test]
fn batches_of_two_and_three() {
    check(&network(24, 12, &[2, 2], true), InputSize { height: 10, width: 7 }, 3);
    check(&network(16, 5, &[1, 1, 1], true), InputSize::square(13), 2);
}

/// Every variant of every kernel of convolutions and fully connected layers. Those of f16, and those with a pre-activation, differ
/// from the others in what they load only: one of each kernel is run.
#[test]
fn every_variant_is_right() {
    let gpu = CHOICES[1].on(&adapter::gpu());
    let first = |variant: &Variant| variant.tiling == variant.kernel.tilings()[0];
    let all = chosen_by_layer(gpu.facts(), Precision::F32);
    // More pixels than most blocks have, and more quads of channels than a step or most slices take; rows end inside a tile.
    are_right(&gpu, &network(70, 13, &[2], true), InputSize { height: 11, width: 35 }, 2, &all);
    let some: Vec<Variant> =
        all.iter().filter(|variant| variant.kernel.has_norm()).filter(|v| first(v)).copied().collect();
    are_right(&gpu, &network(36, 37, &[1], false), InputSize { height: 9, width: 17 }, 1, &some);
    let half: Vec<Variant> = chosen_by_layer(gpu.facts(), Precision::F16).into_iter().filter(first).collect();
    are_right(&gpu, &network(64, 32, &[1], true), InputSize::square(16), 1, &half);
}

fn are_right(gpu: &Gpu, architecture: &Architecture, size: InputSize, batch: usize, variants: &[Variant]) {
    assert!(variants.len() > 2);
    let weights = Weights::random(architecture, 7).unwrap();
    for &variant in variants {
        let options = CHOICES[1].options().precision(variant.precision).prefer(variant);
        let model = Model::load_blocking(gpu, &weights, options.tuning(Tuning::Off).self_test(false)).unwrap();
        let session = model.session_blocking(SessionOptions::new(size).max_batch(batch)).unwrap();
        let runs = session.program().variants.iter().any(|runs| runs.alike() == variant);
        assert!(runs, "{variant} does not run this network");
        check_model(&model, &weights, size, batch);
    }
}

fn chosen_by_layer(facts: &AdapterFacts, precision: Precision) -> Vec<Variant> {
    let variants = Kernel::all().filter(|kernel| kernel.tilings().len() > 1).flat_map(|kernel| kernel.variants(&[64]));
    let alike = move |variant: &Variant| variant.alike() == *variant && variant.precision == precision;
    variants.filter(alike).filter(|variant| variant.runs_on(facts)).collect()
}

#[test]
fn layers_that_fill_a_gpu() {
    // Enough pixels for tiles in workgroup memory; growth and channels leave such tiles half empty.
    let size = InputSize { height: 67, width: 61 };
    for (growth, bottleneck) in [(12, true), (37, false)] {
        let architecture = network(10, growth, &[1, 1], bottleneck);
        check(&architecture, size, 3);
        let model = CHOICES[0].load(&Weights::random(&architecture, 7).unwrap());
        let session = model.session_blocking(SessionOptions::new(size).max_batch(3)).unwrap();
        let used: Vec<&str> = session.program().variants.iter().map(|variant| variant.kernel.name()).collect();
        let tiled = if bottleneck { "buffer/pointwise_tiled" } else { "buffer/conv3x3_tiled" };
        assert!(used.contains(&tiled) && used.contains(&"buffer/pointwise_split"), "{used:?}");
    }
}

#[test]
fn stems() {
    let same = |kernel, stride| {
        let pool = densenet_wgpu::architecture::StemPool { kernel: 3, stride: 2, padding: Padding::Same };
        Stem { channels: 20, kernel, stride, padding: Padding::Same, norm: true, pool: Some(pool) }
    };
    let lopsided = Padding::Explicit { top: 0, left: 1, bottom: 2, right: 1 };
    let strided = Stem { channels: 16, kernel: 3, stride: 2, padding: lopsided, norm: true, pool: None };
    let cases = [
        (Stem::imagenet(64), 3, InputSize { height: 33, width: 47 }),
        (same(7, 2), 3, InputSize { height: 32, width: 35 }),
        (same(3, 2), 1, InputSize { height: 28, width: 29 }),
        (strided, 1, InputSize { height: 28, width: 27 }),
        (Stem::cifar(24), 5, InputSize { height: 9, width: 10 }),
    ];
    for (i, (stem, input_channels, size)) in cases.into_iter().enumerate() {
        let recipe = Recipe { stem, input_channels, classes: None, ..Recipe::imagenet(12, &[1, 1]) };
        check(&recipe.build("stem"), size, 1 + i % 2);
    }
}

#[test]
fn panels_of_textures_and_of_weights() {
    // With textures of at most 120 texels a side most tensors and the weights of wide layers take several panels.
    let gpu = adapter::gpu();
    let mut facts = gpu.facts().clone();
    facts.limits.max_texture_dimension_2d = 120;
    let gpu = gpu.with_facts(facts);
    let mut architecture = network(24, 12, &[2, 1], true);
    architecture.transition_channels = vec![320];
    let weights = Weights::random(&architecture, 7).unwrap();
    for choice in CHOICES.into_iter().filter(|choice| choice.family == KernelFamily::Texture) {
        let model = choice.load_on(&gpu, &weights);
        check_model(&model, &weights, InputSize { height: 13, width: 11 }, 2);
    }
}

#[test]
fn a_wrong_value_a_nan_and_a_transposition_are_noticed() {
    let want: Vec<Exact> = (1..=6).map(|i| Exact { value: f64::from(i), magnitude: f64::from(i) }).collect();
    let good = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0f32];
    compare("good", &good, &want, 10, 0.0);
    let fails = |got: &[f32]| {
        let (got, want) = (got.to_vec(), want.clone());
        std::panic::catch_unwind(move || compare("bad", &got, &want, 10, 0.0)).is_err()
    };
    assert!(fails(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.001]));
    assert!(fails(&[1.0, 2.0, f32::NAN, 4.0, 5.0, 6.0]));
    assert!(fails(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
    assert!(fails(&good[..5]));
}
