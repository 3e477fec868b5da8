//! Kernels that compute wrong are found before they answer, and others take their place.

mod adapter;

use adapter::CHOICES;
use densenet_wgpu::architecture::{Recipe, Stem};
use densenet_wgpu::gpu::Verdict;
use densenet_wgpu::low_level::kernels::{Kernel, Variant};
use densenet_wgpu::reference::forward;
use densenet_wgpu::weights::random::input;
use densenet_wgpu::{Error, Gpu, InputSize, LoadOptions, Model, SessionOptions, Weights};

/// Large enough that a GPU would take tiles for its first block, and split sums for its second.
const SIZE: InputSize = InputSize { height: 48, width: 80 };

fn weights() -> Weights {
    let recipe = Recipe { stem: Stem::cifar(16), classes: Some(5), ..Recipe::imagenet(32, &[2, 1]) };
    Weights::random(&recipe.build("test"), 3).unwrap()
}

fn load(gpu: &Gpu, options: LoadOptions) -> Result<Model, Error> {
    Model::load_blocking(gpu, &weights(), options.size(SIZE))
}

/// The largest difference from the reference.
fn error(model: &Model) -> f32 {
    let mut session = model.session_blocking(SessionOptions::new(SIZE)).unwrap();
    let image = input(1, session.image_elements());
    let output = session.run_blocking(&image).unwrap();
    let right = forward(&weights(), &image, 1, SIZE).unwrap();
    output.logits().iter().zip(right.logits()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn wrong(gpu: &Gpu) -> Vec<Variant> {
    let verdicts = gpu.self_test().into_iter();
    verdicts.filter(|(_, verdict)| *verdict != Verdict::Right).map(|(variant, _)| variant).collect()
}

#[test]
fn every_kernel_of_this_adapter_answers_right() {
    let _turn = adapter::turn();
    for choice in CHOICES {
        let gpu = choice.on(&adapter::gpu());
        let model = load(&gpu, choice.options()).unwrap();
        assert_eq!(wrong(&gpu), [], "{choice:?}");
        let answered: Vec<Variant> = gpu.self_test().into_iter().map(|(variant, _)| variant).collect();
        let session = model.session_blocking(SessionOptions::new(SIZE)).unwrap();
        for variant in &session.program().variants {
            assert!(answered.contains(variant), "{choice:?}: {variant} was not asked");
        }
    }
}

/// Kernels, a part of their text, and what a wrong driver would make of it.
const FAULTS: [(&str, &str, &str); 9] = [
    // One pixel further.
    ("buffer/pointwise_tiled", "min(pixel + p, ", "min(pixel + p + 1u, "),
    // A lost barrier.
    (
        "buffer/pointwise_tiled",
        "bring_weights(lane, group, first);\n        workgroupBarrier();",
        "bring_weights(lane, group, first);",
    ),
    // A loop that leaves something out.
    ("buffer/pointwise_split", "c += SLICES", "c += SLICES + 1u"),
    ("buffer/pointwise_split", "    workgroupBarrier();", ""),
    // A wrong pad.
    ("buffer/conv3x3_tiled", "column >= 1u && ", ""),
    (
        "buffer/conv3x3_tiled",
        "bring_weights(lane, group, first);\n        workgroupBarrier();",
        "bring_weights(lane, group, first);",
    ),
    // Another place.
    ("buffer/conv3x3_split", "params.dst_offset + k", "k"),
    // It cannot be built.
    ("buffer/linear_split", "fn main(", "fn other("),
    // A little too much.
    ("buffer/linear_split", "var total = bias[quad];", "var total = bias[quad] * 1.0001;"),
];

#[test]
fn planted_faults_are_found_and_survived() {
    let _turn = adapter::turn();
    for (kernel, from, to) in FAULTS {
        let gpu =
            CHOICES[0].on(&adapter::gpu()).with_shaders(move |variant, source| match variant.kernel.name() == kernel {
                true => {
                    assert!(source.contains(from), "{variant} has no '{from}'");
                    source.replace(from, to)
                }
                false => source,
            });
        let variant = Variant::plain(Kernel::named(kernel).unwrap(), 64);
        let model =
            load(&gpu, CHOICES[0].options().prefer(variant)).unwrap_or_else(|e| panic!("{kernel}, '{from}': {e}"));
        let wrong = wrong(&gpu);
        assert!(
            !wrong.is_empty() && wrong.iter().all(|variant| variant.kernel.name() == kernel),
            "{kernel}, '{from}': {wrong:?}"
        );
        let error = error(&model);
        assert!(error < 1e-3, "{kernel}, '{from}': {error}");
    }
}

#[test]
fn a_wrong_kernel_without_a_safer_one_is_an_error_and_texture_kernels_give_way_to_buffers() {
    let _turn = adapter::turn();
    let broken = |kernel: &'static str| {
        move |variant: &Variant, source: String| match variant.kernel.name().starts_with(kernel) {
            true => source.replace("params.dst_offset", "params.write_quads"),
            false => source,
        }
    };
    let gpu = CHOICES[2].on(&adapter::gpu()).with_shaders(broken("buffer/pointwise"));
    let reason = load(&gpu, CHOICES[2].options()).unwrap_err().to_string();
    assert!(
        reason.contains("computes buffer/pointwise")
            && reason.contains("there is no safer kernel")
            && reason.contains("CPU engine"),
        "{reason}"
    );
    // Nobody asked for a family.
    let gpu = adapter::gpu();
    if gpu.facts().family() == densenet_wgpu::KernelFamily::Texture {
        let gpu = gpu.with_shaders(broken("texture/pointwise"));
        let model = load(&gpu, LoadOptions::default()).unwrap();
        assert_eq!(model.family(), densenet_wgpu::KernelFamily::Buffer);
        assert!(error(&model) < 1e-3);
    }
    // Whoever does not want to know is not told.
    let gpu = CHOICES[2].on(&adapter::gpu()).with_shaders(broken("buffer/pointwise"));
    let model = load(&gpu, CHOICES[2].options().self_test(false)).unwrap();
    assert!(error(&model) > 1e-3);
}
