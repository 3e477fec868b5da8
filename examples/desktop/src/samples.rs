//! States for the widgets' tests, without a window, an adapter or a thread.

use std::sync::Arc;

use densenet_wgpu::picture::Region;
use densenet_wgpu::{AdapterFacts, AdapterKind, Classifier, ClassifierOptions, DeviceLimits, FeatureMaps, weights};

use crate::atlas::Atlas;
use crate::messages::{Answer, Event, Job};
use crate::network::Network;
use crate::reuse;
use crate::settings::Settings;
use crate::state::State;

/// An adapter that nobody has.
pub(crate) fn adapter() -> AdapterFacts {
    AdapterFacts {
        name: "Imaginary (rev 1)".into(),
        kind: AdapterKind::Discrete,
        backend: "vulkan".into(),
        driver: "none".into(),
        limits: DeviceLimits::default(),
        subgroups: false,
        subgroup_min: 0,
        subgroup_max: 0,
        shader_f16: false,
        timestamps: true,
    }
}

/// The embedded digit model.
pub(crate) fn digits() -> Arc<Network> {
    let weights = weights::embedded().expect("the embedded model");
    let reuse = reuse::of(&weights).expect("its reuse");
    let options = ClassifierOptions::default().engine("reference");
    let classifier = Classifier::new_blocking(weights, options).expect("the embedded model");
    Arc::new(Network { reuse, ..Network::of(&classifier, Some(&adapter())).expect("its description") })
}

/// The digit model is loaded.
pub(crate) fn loaded() -> State {
    let mut state = State::new(Settings::default());
    state.hear(Event::Adapters(vec![adapter()]));
    state.hear(Event::Loaded(digits()));
    state
}

/// The digit model is loaded, and a drawing is being run.
pub(crate) fn drawing() -> (State, Job) {
    let mut state = loaded();
    state.canvas.draw_to([0.2, 0.2]);
    state.canvas.draw_to([0.8, 0.2]);
    state.changed();
    let job = state.job().expect("a drawing is to be run");
    (state, job)
}

/// An answer: class 7 has 95 %, class 3 has 4 %, and each class has a map with one hot pixel.
pub(crate) fn answer(job: &Job) -> Answer {
    let mut scores = vec![0.001; 10];
    (scores[7], scores[3]) = (0.95, 0.04);
    let mut data = vec![0.0; 10 * 9];
    (0..10).for_each(|class| data[class * 9 + class % 9] = 1.0);
    let features = job.view.clone().map(|view| {
        let data = (0..view.channels * 4).map(|i| (i * i % 31) as f32).collect();
        let tap = FeatureMaps { channels: view.channels, height: 2, width: 2, data };
        (view.clone(), Arc::new(Atlas::of(&tap, view.channels)))
    });
    Answer {
        number: job.number,
        scores,
        maps: Some(FeatureMaps { channels: 10, height: 3, width: 3, data }),
        region: Region { left: 0.0, top: 0.0, width: 280.0, height: 280.0 },
        warnings: Vec::new(),
        run_ms: 4.0,
        device_bytes: 1 << 20,
        features,
        times: None,
    }
}

/// A drawing was answered.
pub(crate) fn answered() -> State {
    let (mut state, job) = drawing();
    state.hear(Event::Answer(Box::new(answer(&job))));
    state
}
