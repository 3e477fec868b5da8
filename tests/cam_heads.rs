//! Ring 4: class maps of heads of every kind, on the adapter that is there, on the CPU engine and on the CPU reference, against
//! PyTorch's autograd.

mod adapter;
mod compare;
mod framework_files;

use densenet_wgpu::weights::{self, HeadSpec, OpenOptions, random};
use densenet_wgpu::{Classifier, ClassifierOptions, Engine, Input, InputSize, Wanted};
use framework_files::unpacked;
use serde::Deserialize;

/// A case with class maps.
#[derive(Deserialize)]
struct Case {
    name: String,
    seed: u64,
    batch: usize,
    height: usize,
    width: usize,
    head: String,
    reading: String,
    #[serde(default)]
    cam: Vec<f32>,
}

#[test]
fn class_maps_agree_with_autograd() {
    let (folder, cases) = unpacked::<Case>("torch-heads");
    let cases: Vec<Case> = cases.into_iter().filter(|case| !case.cam.is_empty()).collect();
    assert!(cases.len() > 4, "{} cases", cases.len());
    for case in cases {
        let mut options = OpenOptions::default();
        if !matches!(case.reading.as_str(), "stated" | "assumed") {
            options = options.head(case.head.parse::<HeadSpec>().unwrap_or_else(|e| panic!("{}: {e}", case.name)));
        }
        let weights = weights::open_with(folder.path().join(&case.name), &options).unwrap_or_else(|e| panic!("{e}"));
        let size = InputSize { height: case.height, width: case.width };
        let input = random::input(case.seed, case.batch * 3 * size.height * size.width);
        for engine in [Engine::Gpu(adapter::gpu()), Engine::from("cpu"), Engine::Reference] {
            let options = ClassifierOptions::default().engine(engine).outputs([Wanted::ClassMaps]);
            let classifier = Classifier::new_blocking(weights.clone(), options).unwrap();
            let images = input.chunks(3 * size.height * size.width);
            let maps = images.map(|image| {
                let prediction = classifier.classify_blocking(Input::tensor(image.to_vec(), size)).unwrap();
                prediction.class_maps().unwrap().data.clone()
            });
            let maps: Vec<f32> = maps.flatten().collect();
            assert_eq!(maps.len(), case.cam.len(), "{}", case.name);
            let largest = case.cam.iter().fold(0f32, |most, x| most.max(x.abs()));
            let error = maps.iter().zip(&case.cam).fold(0f32, |most, (got, want)| most.max((got - want).abs()));
            assert!(error < 1e-5 * largest, "{} on {}: {error} of {largest}", case.name, classifier.engine());
        }
    }
}
