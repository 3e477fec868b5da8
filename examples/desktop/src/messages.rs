//! What the window and the network's thread say to each other.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use densenet_wgpu::gpu::StepTime;
use densenet_wgpu::picture::{Picture, Region};
use densenet_wgpu::{AdapterFacts, CancelToken, FeatureMaps, Progress};

use crate::atlas::Atlas;
use crate::network::Network;
use crate::strips::View;

/// From the window.
pub(crate) enum Request {
    /// Load weights onto an adapter. The current network keeps answering until the new one is ready. The token stops the
    /// load and, later, the network's runs.
    Load(Source, CancelToken),
    /// Run a picture. Of several waiting jobs only the last is run.
    Run(Job),
}

/// Which weights, and where to run them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// A weight file; `None` is the embedded model.
    pub(crate) path: Option<PathBuf>,
    /// Part of an adapter's name, its index, or `cpu`; `None` is a GPU, else the CPU engine.
    pub(crate) adapter: Option<String>,
}

/// A picture to run, and which outputs to return.
#[derive(Clone)]
pub(crate) struct Job {
    /// Increases with every job; the answer repeats it.
    pub(crate) number: u64,
    pub(crate) picture: Arc<Picture>,
    /// Feature maps to return.
    pub(crate) view: Option<View>,
    /// Whether to time every step as well.
    pub(crate) timed: bool,
}

/// To the window.
pub(crate) enum Event {
    Adapters(Vec<AdapterFacts>),
    Loading(Progress),
    Loaded(Arc<Network>),
    Answer(Box<Answer>),
    /// A request failed; `reason` is the library's error.
    Refused {
        what: Refused,
        reason: String,
    },
}

/// Which kind of request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Weights,
    Picture,
}

/// The network's answer to a picture.
pub(crate) struct Answer {
    /// The job's number.
    pub(crate) number: u64,
    /// One per class; empty without a classifier.
    pub(crate) scores: Vec<f32>,
    /// Class-activation maps of all classes.
    pub(crate) maps: Option<FeatureMaps>,
    /// The part of the picture that the network saw.
    pub(crate) region: Region,
    pub(crate) warnings: Vec<String>,
    /// Milliseconds from the upload until the logits are on the host.
    pub(crate) run_ms: f64,
    /// Device memory of weights and activations.
    pub(crate) device_bytes: u64,
    /// The requested feature maps.
    pub(crate) features: Option<(View, Arc<Atlas>)>,
    /// The time of every step, or why there are none; `None` unless the job asked for them.
    pub(crate) times: Option<Result<Vec<StepTime>, String>>,
}

/// The sending end of the events.
#[derive(Clone)]
pub(crate) struct Outbox {
    sender: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outbox {
    /// `wake` is called after every event.
    pub(crate) fn new(sender: Sender<Event>, wake: impl Fn() + Send + Sync + 'static) -> Outbox {
        Outbox { sender, wake: Arc::new(wake) }
    }

    pub(crate) fn send(&self, event: Event) {
        // Nobody listens once the window is closed.
        if self.sender.send(event).is_ok() {
            (self.wake)();
        }
    }
}

/// An error and its causes.
pub(crate) fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line = format!("{line}: {inner}");
        cause = inner.source();
    }
    line
}
