//! The thread that owns the device, the model and its session. The window sends requests and gets events; neither ever
//! waits for the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};

use densenet_wgpu::gpu::StepTime;
use densenet_wgpu::picture::{Picture, Region};
use densenet_wgpu::{AdapterFacts, Gpu, Progress};

use crate::atlas::Atlas;
use crate::engine::Engine;
use crate::network::Network;
use crate::strips::View;

/// What the window asks for.
pub(crate) enum Request {
    /// Load weights onto an adapter; the model that is there serves until the new one does.
    Load(Source),
    /// Run a picture. Of several that wait, only the last is run.
    Run(Job),
}

/// Which weights, and where to run them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// A weight file; the embedded model where there is none.
    pub(crate) path: Option<PathBuf>,
    /// Part of an adapter's name, or its index; the best where not given.
    pub(crate) adapter: Option<String>,
}

/// A picture to run, and what to look at.
#[derive(Clone)]
pub(crate) struct Job {
    /// Counts up; the answer repeats it.
    pub(crate) number: u64,
    pub(crate) picture: Arc<Picture>,
    /// Feature maps to bring along.
    pub(crate) view: Option<View>,
    /// Whether to time every step too.
    pub(crate) timed: bool,
}

/// What the window hears.
pub(crate) enum Event {
    Adapters(Vec<AdapterFacts>),
    Loading(Progress),
    Loaded(Arc<Network>),
    Answer(Box<Answer>),
    /// What was asked for cannot be had, in the library's words.
    Refused {
        what: Refused,
        reason: String,
    },
}

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Weights,
    Picture,
}

/// The class maps of a picture: `[classes, height, width]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassMaps {
    pub(crate) shape: [usize; 3],
    pub(crate) data: Vec<f32>,
}

/// What the network says of a picture.
pub(crate) struct Answer {
    pub(crate) number: u64,
    /// One for each class; empty where there is no classifier.
    pub(crate) scores: Vec<f32>,
    pub(crate) maps: Option<ClassMaps>,
    /// Where in the picture the network looked.
    pub(crate) region: Region,
    pub(crate) warnings: Vec<String>,
    /// Milliseconds from the upload to the logits on the host.
    pub(crate) run_ms: f64,
    /// Model and session.
    pub(crate) device_bytes: u64,
    pub(crate) dispatches: usize,
    /// The feature maps that were asked for.
    pub(crate) features: Option<(View, Arc<Atlas>)>,
    /// Times of the steps, or why there are none; where they were asked for.
    pub(crate) times: Option<Result<Vec<StepTime>, String>>,
}

/// The window's end of the channels.
pub(crate) struct Worker {
    pub(crate) requests: Sender<Request>,
    pub(crate) events: Receiver<Event>,
}

impl Worker {
    /// Starts the thread; it ends with what it is doing once this is dropped. `window` is the window's own device, which
    /// is shared where it is a GPU's, or wherever it may be used `by_all_means`; `wake` is called behind every event.
    ///
    /// # Errors
    /// The system's, where it gives no thread.
    pub(crate) fn start(
        window: Option<Gpu>,
        by_all_means: bool,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<(Worker, JoinHandle<()>)> {
        let (requests, inbox) = channel();
        let (outbox, events) = channel();
        let outbox = Outbox { sender: outbox, wake: Arc::new(wake) };
        let engine = move |outbox| Engine::new(window, by_all_means, outbox);
        let thread = thread::Builder::new().name("network".into());
        let thread = thread.spawn(move || work(&inbox, &outbox, engine))?;
        Ok((Worker { requests, events }, thread))
    }
}

/// Where events go.
#[derive(Clone)]
pub(crate) struct Outbox {
    sender: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outbox {
    pub(crate) fn send(&self, event: Event) {
        // Nobody listens once the window is closed.
        if self.sender.send(event).is_ok() {
            (self.wake)();
        }
    }
}

fn work(inbox: &Receiver<Request>, outbox: &Outbox, engine: impl FnOnce(Outbox) -> Engine) {
    yield_to_the_window();
    let mut engine = engine(outbox.clone());
    while let Ok(first) = inbox.recv() {
        // What is outdated already is not begun.
        let (mut load, mut run) = (None, None);
        let mut next = Ok(first);
        loop {
            match next {
                Ok(Request::Load(source)) => load = Some(source),
                Ok(Request::Run(job)) => run = Some(job),
                Err(TryRecvError::Empty) => break,
                // The window is closed: nobody wants the rest.
                Err(TryRecvError::Disconnected) => return,
            }
            next = inbox.try_recv();
        }
        if let Some(source) = load {
            match engine.load(&source) {
                Ok(network) => outbox.send(Event::Loaded(network)),
                Err(error) => outbox.send(Event::Refused { what: Refused::Weights, reason: in_one_line(&error) }),
            }
        }
        if let Some(job) = run {
            match engine.run(&job) {
                Ok(Some(answer)) => outbox.send(Event::Answer(Box::new(answer))),
                Ok(None) => {}
                Err(error) => outbox.send(Event::Refused { what: Refused::Picture, reason: in_one_line(&error) }),
            }
        }
    }
}

/// The error and its causes.
pub(crate) fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line = format!("{line}: {inner}");
        cause = inner.source();
    }
    line
}

/// A software adapter takes every core for seconds, and its threads inherit this one's priority: frames go first.
fn yield_to_the_window() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        log::warn!("the network's thread keeps its priority: {error}");
    }
}
