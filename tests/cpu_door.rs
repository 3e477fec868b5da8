//! Ring 5: the CPU engine through the front door.

mod adapter;

use densenet_wgpu::{
    AdapterKind, CancelToken, Classifier, ClassifierOptions, Cpu, CpuOptions, Engine, Error, KernelFamily, Precision,
    Wanted, gpu,
};

const PICTURE: &str = "tests/images/digits/5-plain.png";

fn open(options: ClassifierOptions) -> Classifier {
    Classifier::embedded_blocking(options).unwrap()
}

#[test]
fn the_best_of_this_machine_is_a_gpu_or_the_cpu_engine() {
    let has_gpu = gpu::adapters_blocking().iter().any(|facts| facts.kind != AdapterKind::Software);
    let classifier = open(ClassifierOptions::default());
    assert_eq!(classifier.cpu_model().is_none(), has_gpu, "{}", classifier.engine());
    assert_eq!(classifier.model().is_some(), has_gpu, "{}", classifier.engine());
    let opened = Engine::Best.open_blocking().unwrap();
    assert_eq!(matches!(opened, Engine::Gpu(_)), has_gpu, "{opened:?}");
}

#[test]
fn what_only_adapters_have_chooses_an_adapter_or_is_refused() {
    for options in [
        || ClassifierOptions::default().kernels(KernelFamily::Buffer),
        || ClassifierOptions::default().precision(Precision::F16),
    ] {
        let classifier = open(options());
        assert!(classifier.model().is_some(), "{}", classifier.engine());
        let refused = Classifier::embedded_blocking(options().engine("cpu")).unwrap_err();
        assert!(matches!(refused, Error::Input(_)) && refused.to_string().contains("CPU engine"), "{refused}");
    }
}

#[test]
fn threads_are_the_callers_to_choose() {
    let cpu = Cpu::new(CpuOptions::default().threads(1)).unwrap();
    let classifier = open(ClassifierOptions::default().engine(cpu));
    assert_eq!(classifier.cpu_model().map(|model| model.cpu().threads()), Some(1));
    assert!(classifier.engine().starts_with("CPU engine (1 thread, "), "{}", classifier.engine());
    assert!(matches!(Cpu::new(CpuOptions::default().threads(0)), Err(Error::Input(_))));
}

#[test]
fn features_taps_and_class_maps_are_those_of_the_adapter() {
    let outputs = || {
        let tap = Wanted::Tap("features.denseblock1".into());
        ClassifierOptions::default().outputs([Wanted::Features, Wanted::ClassMaps, tap])
    };
    let on_adapter = open(outputs().engine(adapter::gpu())).classify_blocking(PICTURE).unwrap();
    let on_cpu = open(outputs().engine("cpu")).classify_blocking(PICTURE).unwrap();
    let near = |what: &str, got: &[f32], want: &[f32]| {
        assert_eq!(got.len(), want.len(), "{what}");
        let most = want.iter().fold(0f32, |most, x| most.max(x.abs()));
        let error = got.iter().zip(want).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(most > 0.0 && error < 1e-4 * most, "{what}: {error} of {most}");
    };
    near("logits", &on_cpu.logits, &on_adapter.logits);
    near("features", on_cpu.features().unwrap(), on_adapter.features().unwrap());
    near("class maps", &on_cpu.class_maps().unwrap().data, &on_adapter.class_maps().unwrap().data);
    let tap = "features.denseblock1";
    near(tap, &on_cpu.tap(tap).unwrap().data, &on_adapter.tap(tap).unwrap().data);
}

#[test]
fn one_at_a_time_or_many_at_once_is_the_same() {
    let classifier = open(ClassifierOptions::default().engine("cpu").batch(4));
    assert_eq!(classifier.batch(), 4);
    let pictures: Vec<String> = ["0-plain", "7-paper", "5-plain", "2-enlarged", "3-inverted"]
        .map(|name| format!("tests/images/digits/{name}.png"))
        .into();
    for (path, answer) in pictures.iter().zip(classifier.classify_many_blocking(pictures.clone())) {
        let (many, one) = (answer.unwrap(), classifier.classify_blocking(path).unwrap());
        for (a, b) in many.logits.iter().zip(&one.logits) {
            assert!((a - b).abs() < 1e-4, "{path}: {a} and {b}");
        }
    }
    assert!(classifier.device_bytes() >= classifier.cpu_model().unwrap().weight_bytes());
}

#[test]
fn steps_are_timed() {
    let classifier = open(ClassifierOptions::default().engine("cpu"));
    let times = classifier.profile_blocking(PICTURE).unwrap();
    assert!(times.len() > 20 && times.iter().all(|step| !step.name.is_empty()), "{times:?}");
    assert!(times.iter().map(|step| step.time).sum::<std::time::Duration>() > std::time::Duration::ZERO);
}

#[test]
fn progress_is_told_and_a_token_stops_it() {
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = told.clone();
    let options =
        ClassifierOptions::default().engine("cpu").progress(move |progress| sink.lock().unwrap().push(progress));
    let token = CancelToken::new();
    let classifier = open(options.cancel(token.clone()));
    let told = told.lock().unwrap();
    let last = told.last().expect("progress");
    assert_eq!(last.done, last.total, "{told:?}");
    assert!(classifier.classify_blocking(PICTURE).is_ok());
    token.cancel();
    assert!(matches!(classifier.classify_blocking(PICTURE), Err(Error::Cancelled)));
}
