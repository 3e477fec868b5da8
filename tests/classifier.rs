//! Ring 5: the front door. What the library's users call first.

mod adapter;

use std::path::{Path, PathBuf};

use densenet_wgpu::architecture::{Branch, Head, HeadLayer, Recipe, Stem};
use densenet_wgpu::weights::{self, Weights};
use densenet_wgpu::{
    Activation, Architecture, CancelToken, Classifier, ClassifierOptions, Engine, Error, Input, InputSize, Picture,
    Prediction, Preprocessing, Wanted,
};

const DIGITS: &str = "tests/images/digits";

/// The digit pictures, in the order of their names; the first character of each is its digit.
fn digits() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(DIGITS).unwrap().map(|entry| entry.unwrap().path());
    let mut pictures: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "png")).collect();
    pictures.sort();
    assert_eq!(pictures.len(), 10);
    pictures
}

fn truth(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap()[..1].to_string()
}

fn embedded(options: ClassifierOptions) -> Classifier {
    Classifier::embedded_blocking(options).unwrap()
}

/// The adapter that is there.
fn on_adapter() -> ClassifierOptions {
    ClassifierOptions::default().engine(adapter::gpu())
}

fn on_cpu() -> ClassifierOptions {
    ClassifierOptions::default().engine("cpu")
}

fn reference() -> ClassifierOptions {
    ClassifierOptions::default().engine("reference")
}

#[test]
fn three_lines_are_enough() {
    let classifier = Classifier::open_blocking("models/mnist.safetensors").unwrap();
    let top = classifier.classify_blocking("tests/images/digits/7-paper.png").unwrap().top(3);
    assert_eq!((top.len(), top[0].class, top[0].label.as_str()), (3, 7, "7"));
    assert!(top[0].score > top[1].score && top[0].score <= 1.0, "{top:?}");
    let is_engine = classifier.model().is_some() || classifier.cpu_model().is_some();
    assert!(is_engine, "never the reference unasked: {}", classifier.engine());
}

#[test]
fn every_engine_answers_alike() {
    let (adapter, cpu, slow) = (embedded(on_adapter()), embedded(on_cpu()), embedded(reference()));
    assert!(adapter.model().is_some() && adapter.cpu_model().is_none(), "{}", adapter.engine());
    assert!(cpu.model().is_none() && cpu.cpu_model().is_some(), "{}", cpu.engine());
    assert!(slow.model().is_none() && slow.engine().contains("reference"), "{}", slow.engine());
    for path in digits() {
        let [fast, cpu, slow] = [&adapter, &cpu, &slow].map(|classifier| classifier.classify_blocking(&path).unwrap());
        for engine in [fast, cpu] {
            assert_eq!(engine.top(1)[0].label, truth(&path));
            for (a, b) in engine.logits.iter().zip(&slow.logits) {
                assert!((a - b).abs() < 1e-4, "{}: {a} and {b}", path.display());
            }
            assert!((engine.scores.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}

#[test]
fn anything_becomes_a_picture() {
    let classifier = embedded(reference());
    let path = "tests/images/digits/3-inverted.png";
    let picture = Picture::open(path).unwrap();
    let (width, height) = (picture.width(), picture.height());
    let pixels = Picture::from_pixels(width, height, 3, picture.pixels(3).unwrap(), "pixels").unwrap();
    let wanted = classifier.classify_blocking(path).unwrap().logits;
    let bytes = std::fs::read(path).unwrap();
    let inputs: [Input; 8] = [
        Path::new(path).into(),
        path.to_string().into(),
        bytes.as_slice().into(),
        Input::bytes(bytes.clone(), "a name"),
        (&picture).into(),
        picture.clone().into(),
        pixels.into(),
        Input::lazy(move || Ok(picture)),
    ];
    for input in inputs {
        let name = format!("{input:?}");
        assert_eq!(classifier.classify_blocking(input).unwrap().logits, wanted, "{name}");
    }
    let prepared = densenet_wgpu::picture::prepare(&Picture::open(path).unwrap(), classifier.preprocessing(), 1, None);
    let prepared = prepared.unwrap();
    let tensor = classifier.classify_blocking(Input::tensor(prepared.data, prepared.size)).unwrap();
    assert_eq!((tensor.logits, tensor.region), (wanted, None));
    let short = classifier.classify_blocking(Input::tensor(vec![0.0; 7], InputSize::square(28))).unwrap_err();
    assert!(matches!(short, Error::Input(_)), "{short}");
}

/// Answers in the order of the pictures: labels, or the beginning of what was wrong.
fn told(answers: impl IntoIterator<Item = densenet_wgpu::Result<Prediction>>) -> Vec<String> {
    let tell = |answer: densenet_wgpu::Result<Prediction>| match answer {
        Ok(prediction) => prediction.top(1)[0].label.clone(),
        Err(error) => error.to_string().chars().take(24).collect(),
    };
    answers.into_iter().map(tell).collect()
}

#[test]
fn many_pictures_of_all_sizes_keep_their_order_and_bad_ones_stop_nobody() {
    let mut paths = digits();
    paths.insert(4, "tests/images/none.png".into());
    paths.push("tests/classifier.rs".into());
    // Without a resize each picture has its own size, and one is too small for the network.
    for preprocessing in ["mnist", "none"] {
        for batch in [1, 3, 8] {
            let options = ClassifierOptions::default().preprocessing(Preprocessing::named(preprocessing).unwrap());
            let classifier = embedded(options.batch(batch));
            let tiny = || Picture::from_pixels(2, 2, 1, vec![1, 2, 3, 4], "tiny").unwrap();
            let inputs = || paths.iter().map(Input::from).chain([Input::from(tiny())]).collect::<Vec<_>>();
            let one_by_one = told(inputs().into_iter().map(|input| classifier.classify_blocking(input)));
            assert_eq!(one_by_one.len(), 13);
            assert_eq!(told(classifier.classify_many_blocking(inputs())), one_by_one, "{preprocessing}, {batch}");
            let together = pollster::block_on(classifier.classify_many(inputs())).unwrap();
            assert_eq!(told(together), one_by_one, "{preprocessing}, {batch}");
            assert!(one_by_one[4].starts_with("tests/images/none.png"), "{one_by_one:?}");
            assert!(one_by_one[11].starts_with("tests/classifier.rs"), "{one_by_one:?}");
            if preprocessing == "mnist" {
                let right: Vec<String> = digits().iter().map(|path| truth(path)).collect();
                assert_eq!([&one_by_one[..4], &one_by_one[5..11]].concat(), right);
            } else {
                assert!(one_by_one[12].starts_with("input: the image is too"), "{one_by_one:?}");
            }
        }
    }
}

#[test]
fn outputs_are_what_was_asked_for() {
    let wanted = [Wanted::Features, Wanted::ClassMaps, Wanted::Tap("features.denseblock2".into())];
    for options in [ClassifierOptions::default(), reference()] {
        let classifier = embedded(options.outputs(wanted.clone()));
        let architecture = classifier.architecture().clone();
        let prediction = classifier.classify_blocking("tests/images/digits/5-plain.png").unwrap();
        assert_eq!(prediction.features().unwrap().len(), architecture.feature_channels());
        assert_eq!(prediction.tap("features.denseblock2").unwrap().channels, architecture.block_output_channels(1));
        let maps = prediction.class_maps().unwrap();
        assert_eq!(maps.channels, 10);
        // The mean of a class's map plus its bias is its logit.
        let weights = weights::embedded().unwrap();
        let bias = &weights.tensor("classifier.bias").unwrap().data;
        let pixels = maps.height * maps.width;
        for (class, map) in maps.data.chunks(pixels).enumerate() {
            let mean = map.iter().sum::<f32>() / pixels as f32;
            assert!((mean + bias[class] - prediction.logits[class]).abs() < 1e-4);
        }
        let heat = prediction.class_map(5).unwrap();
        assert_eq!(heat.size(), [maps.height, maps.width]);
        let picture = prediction.picture().unwrap();
        assert_eq!(prediction.overlay(5, 0.7).unwrap().len(), 3 * picture.width() * picture.height());
        assert!(prediction.class_map(10).is_err());

        let plain = classifier.classify_wanting_blocking("tests/images/digits/5-plain.png", &[]).unwrap();
        assert_eq!(plain.logits, prediction.logits);
        assert!(plain.class_maps().is_none() && plain.features().is_none());
        assert!(plain.class_map(5).unwrap_err().to_string().contains("Wanted::ClassMaps"));
        let unknown =
            classifier.classify_wanting_blocking("tests/images/digits/5-plain.png", &[Wanted::Tap("x".into())]);
        assert!(matches!(unknown, Err(Error::Tap { .. })), "{unknown:?}");
    }
}

#[test]
fn a_network_without_a_classifier_yields_features() {
    let weights = weights::embedded().unwrap().without_classifier();
    let classifier = Classifier::new_blocking(weights, reference()).unwrap();
    let prediction = classifier.classify_blocking("tests/images/digits/1-offcentre.png").unwrap();
    assert!(prediction.logits.is_empty() && prediction.top(5).is_empty());
    let whole = embedded(reference().outputs([Wanted::Features]));
    let wanted = whole.classify_blocking("tests/images/digits/1-offcentre.png").unwrap();
    assert_eq!(prediction.features(), wanted.features());
}

#[test]
fn options_override_the_file() {
    let names: Vec<String> = (0..10).map(|i| format!("digit {i}")).collect();
    let options = reference().labels(names.clone()).activation(Activation::Sigmoid).size(InputSize::square(56));
    let classifier = embedded(options);
    assert_eq!((classifier.labels(), classifier.activation()), (names.as_slice(), Activation::Sigmoid));
    let prediction = classifier.classify_blocking("tests/images/digits/0-plain.png").unwrap();
    assert!(prediction.top(1)[0].label.starts_with("digit "));
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    assert_eq!(prediction.scores[3], sigmoid(prediction.logits[3]));

    let refused = Classifier::embedded_blocking(reference().labels(vec!["one".into()])).unwrap_err();
    assert!(refused.to_string().contains("1 class names, but the network has 10"), "{refused}");
    let unknown = Classifier::embedded_blocking(ClassifierOptions::default().engine("no such adapter")).unwrap_err();
    assert!(matches!(unknown, Error::NoAdapter(_)), "{unknown}");
    let missing = Classifier::open_blocking("no/such/file.pth").unwrap_err();
    assert!(missing.to_string().contains("no/such/file.pth"), "{missing}");
}

#[test]
fn a_cancelled_token_stops_loading_and_running() {
    for options in [on_adapter, on_cpu, reference] {
        stops(options);
    }
}

fn stops(options: fn() -> ClassifierOptions) {
    let token = CancelToken::new();
    let classifier = embedded(options().cancel(token.clone()));
    let mut answers = classifier.classify_many_blocking(digits().into_iter().cycle().take(1000));
    assert!(answers.next().unwrap().is_ok());
    token.cancel();
    let rest: Vec<_> = answers.collect();
    assert!(rest.len() < 100, "{} more", rest.len());
    assert!(matches!(rest.last().unwrap(), Err(Error::Cancelled)));
    assert!(matches!(classifier.classify_blocking("tests/images/digits/0-plain.png"), Err(Error::Cancelled)));
    let loading = Classifier::embedded_blocking(options().cancel(token));
    assert!(matches!(loading, Err(Error::Cancelled)));
}

#[test]
fn loading_is_told_and_can_be_stopped_on_the_way() {
    let weights = Weights::random(&Architecture::preset("densenet-bc-100-12").unwrap(), 0).unwrap();
    let (told, token) = (std::sync::Arc::new(std::sync::Mutex::new(Vec::new())), CancelToken::new());
    let (sink, stop) = (told.clone(), token.clone());
    let options = ClassifierOptions::default().cancel(token).progress(move |progress| {
        let mut told = sink.lock().unwrap();
        told.push(progress);
        if told.len() == 2 {
            stop.cancel();
        }
    });
    assert!(matches!(Classifier::new_blocking(weights, options), Err(Error::Cancelled)));
    let told = told.lock().unwrap();
    assert!(told.len() <= 3 && told[0].done < told[0].total, "{told:?}");
}

#[test]
fn threads_share_a_classifier() {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    let classifier = embedded(ClassifierOptions::default());
    shared(&classifier);
    let wanted: Vec<Vec<f32>> =
        digits().iter().map(|path| classifier.classify_blocking(path).unwrap().logits).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (path, wanted) in digits().iter().zip(&wanted) {
                    assert_eq!(&classifier.classify_blocking(path).unwrap().logits, wanted);
                }
            });
        }
    });
}

#[test]
fn async_callers_get_the_same() {
    pollster::block_on(async {
        let classifier = Classifier::open("models/mnist.safetensors").await.unwrap();
        let prediction = classifier.classify("tests/images/digits/2-enlarged.png").await.unwrap();
        assert_eq!(prediction.top(1)[0].label, "2");
    });
}

/// A small network with a head of two layers and two outputs.
fn two_outputs() -> Weights {
    let branch = |name: &str, outputs, activation| Branch {
        name: name.into(),
        layers: vec![HeadLayer::Linear { outputs }],
        activation,
    };
    let head = Head {
        layers: vec![HeadLayer::Linear { outputs: 9 }, HeadLayer::Relu],
        branches: vec![branch("age", 1, Activation::None), branch("sex", 2, Activation::Softmax)],
        ..Head::linear(None)
    };
    let recipe = Recipe { stem: Stem::cifar(6), input_channels: 1, ..Recipe::imagenet(4, &[2, 2]) };
    Weights::random(&Architecture { head, ..recipe.build("two") }, 3).unwrap()
}

#[test]
fn several_outputs_have_their_own_scores_and_best_classes() {
    let path = "tests/images/digits/3-inverted.png";
    let options = || ClassifierOptions::default().outputs([Wanted::ClassMaps]);
    let on = |engine: Engine| Classifier::new_blocking(two_outputs(), options().engine(engine)).unwrap();
    let adapter = on(adapter::gpu().into()).classify_blocking(path).unwrap();
    let cpu = on("cpu".into()).classify_blocking(path).unwrap();
    let slow = Classifier::new_blocking(two_outputs(), options().engine("reference")).unwrap();
    let slow = slow.classify_blocking(path).unwrap();
    for prediction in [&adapter, &cpu, &slow] {
        assert_eq!(prediction.outputs().collect::<Vec<_>>(), [("age", 0..1), ("sex", 1..3)]);
        let (scores, top) = (&prediction.scores, prediction.top(1));
        assert_eq!(scores[0], prediction.logits[0]);
        assert!((scores[1] + scores[2] - 1.0).abs() < 1e-6);
        assert_eq!((top.len(), top[0].label.as_str(), top[0].class), (2, "age", 0));
        assert!(top[1].label.starts_with("sex: class ") && top[1].score >= 0.5, "{top:?}");
        assert_eq!(prediction.top_of("sex", 5).len(), 2);
        assert!(prediction.top_of("weight", 5).is_empty());
    }
    // Class maps of such a head come from the gradient at the pooled features.
    let want = slow.class_maps().unwrap();
    let largest = want.data.iter().fold(0f32, |most, x| most.max(x.abs()));
    for maps in [&adapter, &cpu].map(|prediction| prediction.class_maps().unwrap()) {
        assert_eq!((maps.channels, maps.height), (3, want.height));
        assert!(maps.data.iter().zip(&want.data).all(|(a, b)| (a - b).abs() < 1e-4 * largest), "{largest}");
    }
    assert!(adapter.overlay(2, 0.5).unwrap().len() > 1000);
}
