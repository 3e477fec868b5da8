//! Loading and running, on the network's thread.

use std::sync::Arc;
use std::time::Instant;

use densenet_wgpu::gpu::adapters_blocking;
use densenet_wgpu::picture::prepare;
use densenet_wgpu::{
    AdapterFacts, AdapterKind, CLASS_MAPS, Error, Gpu, GpuOptions, InputSize, LoadOptions, Model, Preprocessing,
    Progress, Result, Session, SessionOptions, weights,
};

use crate::atlas::Atlas;
use crate::network::Network;
use crate::worker::{Answer, ClassMaps, Event, Job, Outbox, Source};

/// What a network needs to answer.
struct Loaded {
    model: Model,
    preset: Preprocessing,
    network: Arc<Network>,
    session: Option<(Wanted, Session)>,
}

/// What a session was made for.
#[derive(PartialEq, Eq)]
struct Wanted {
    size: InputSize,
    taps: Vec<String>,
}

/// Devices, and the model that answers.
pub(crate) struct Engine {
    /// The window's device, where it may be shared.
    window: Option<Gpu>,
    /// Whether it is shared on a software adapter too.
    by_all_means: bool,
    adapters: Vec<AdapterFacts>,
    /// The device that was opened last, and what for.
    opened: Option<(Option<String>, Gpu)>,
    loaded: Option<Loaded>,
    outbox: Outbox,
}

impl Engine {
    pub(crate) fn new(window: Option<Gpu>, by_all_means: bool, outbox: Outbox) -> Engine {
        Engine { window, by_all_means, adapters: Vec::new(), opened: None, loaded: None, outbox }
    }

    /// Loads a model beside the one that is there, and then lets it take over.
    pub(crate) fn load(&mut self, source: &Source) -> Result<Arc<Network>> {
        self.try_load(source).inspect_err(|error| self.forget_lost(error))
    }

    /// A device that was lost is not used again: the next load opens another.
    fn forget_lost(&mut self, error: &Error) {
        if matches!(error, Error::DeviceLost(_)) {
            (self.opened, self.loaded) = (None, None);
        }
    }

    fn try_load(&mut self, source: &Source) -> Result<Arc<Network>> {
        let file = source.path.as_ref().and_then(|path| path.file_name());
        let name = file.map_or_else(|| "the embedded model".into(), |name| name.to_string_lossy());
        self.say(0, 1, format!("reading {name}"));
        let weights = match &source.path {
            Some(path) => weights::open(path)?,
            None => weights::embedded()?,
        };
        let preset = weights.preprocessing()?;
        self.say(0, 1, "opening the adapter".into());
        let (gpu, shared) = self.open(source.adapter.as_deref())?;
        let outbox = self.outbox.clone();
        let options = LoadOptions::default()
            .class_maps(weights.architecture().classes.is_some())
            .size(preset.size())
            .progress(move |progress| outbox.send(Event::Loading(progress)));
        let model = Model::load_blocking(&gpu, &weights, options)?;
        let mut network = Network::of(&weights, gpu.facts().clone(), model.family())?;
        (network.shared, network.weight_bytes) = (shared, model.weight_bytes());
        let network = Arc::new(network);
        self.loaded = Some(Loaded { model, preset, network: network.clone(), session: None });
        Ok(network)
    }

    fn say(&self, done: usize, total: usize, what: String) {
        self.outbox.send(Event::Loading(Progress { done, total, what }));
    }

    /// The device for an adapter, and whether it is the window's.
    ///
    /// A GPU is shared with the window. A software adapter compiles shaders and runs the network on the same cores as the
    /// window's frames, and one queue would make every frame wait for a whole pass: there the network has its own device.
    fn open(&mut self, adapter: Option<&str>) -> Result<(Gpu, bool)> {
        if self.adapters.is_empty() {
            self.adapters = adapters_blocking();
            self.outbox.send(Event::Adapters(self.adapters.clone()));
        }
        if let Some(window) = self.window.as_ref().filter(|window| self.is_meant(adapter, window.facts())) {
            return Ok((window.clone(), true));
        }
        let adapter = adapter.map(str::to_string);
        if let Some((_, gpu)) = self.opened.as_ref().filter(|(wanted, _)| *wanted == adapter) {
            return Ok((gpu.clone(), false));
        }
        let gpu = Gpu::new_blocking(gpu_options(adapter.as_deref()))?;
        self.opened = Some((adapter, gpu.clone()));
        Ok((gpu, false))
    }

    /// Whether the window's adapter is the one that is asked for, and a GPU.
    fn is_meant(&self, adapter: Option<&str>, window: &AdapterFacts) -> bool {
        let wanted = gpu_options(adapter).position(&self.adapters).map(|index| &self.adapters[index]);
        (self.by_all_means || window.kind != AdapterKind::Software)
            && wanted.is_some_and(|wanted| (&wanted.name, &wanted.backend) == (&window.name, &window.backend))
    }

    /// Runs a picture; nothing where no model is there yet.
    pub(crate) fn run(&mut self, job: &Job) -> Result<Option<Answer>> {
        self.try_run(job).inspect_err(|error| self.forget_lost(error))
    }

    fn try_run(&mut self, job: &Job) -> Result<Option<Answer>> {
        let Some(loaded) = &mut self.loaded else { return Ok(None) };
        let architecture = loaded.model.architecture();
        let channels = architecture.input_channels;
        let prepared = prepare(&job.picture, &loaded.preset, channels, None)?;
        let has_maps = loaded.model.has_class_maps();
        // A strip of the network before this one is none of this one's.
        let view = job.view.clone().filter(|view| loaded.network.has_tap(&view.tap));
        let mut taps: Vec<String> = has_maps.then(|| CLASS_MAPS.to_string()).into_iter().collect();
        taps.extend(view.iter().map(|view| view.tap.clone()).filter(|tap| tap != CLASS_MAPS));
        let session = loaded.session(Wanted { size: prepared.size, taps })?;
        let start = Instant::now();
        let output = session.run_blocking(&prepared.data)?;
        let run_ms = start.elapsed().as_secs_f64() * 1e3;
        let times = job.timed.then(|| session.profile_blocking(&prepared.data).map_err(|error| error.to_string()));
        let (device_bytes, dispatches) = (session.device_bytes(), session.dispatches());
        let maps = output
            .tap(CLASS_MAPS)
            .map(|tap| ClassMaps { shape: [tap.channels, tap.height, tap.width], data: tap.data.clone() });
        let features = view.and_then(|view| {
            let atlas = Atlas::of(output.tap(&view.tap)?, view.channels);
            Some((view, Arc::new(atlas)))
        });
        let architecture = loaded.model.architecture();
        let scores = match architecture.classes {
            Some(_) => architecture.activation.scores(output.row(0)),
            None => Vec::new(),
        };
        Ok(Some(Answer {
            number: job.number,
            scores,
            maps,
            region: prepared.region,
            warnings: prepared.warnings,
            run_ms,
            device_bytes,
            dispatches,
            features,
            times,
        }))
    }
}

fn gpu_options(adapter: Option<&str>) -> GpuOptions {
    let options = GpuOptions::default();
    match adapter {
        Some(adapter) => options.adapter(adapter),
        None => options,
    }
}

impl Loaded {
    /// The session for a size and taps: the last one, if it fits. The old buffers go before new ones are made.
    fn session(&mut self, wanted: Wanted) -> Result<&mut Session> {
        if self.session.as_ref().is_none_or(|(has, _)| *has != wanted) {
            self.session = None;
            let options = SessionOptions::new(wanted.size).taps(&wanted.taps);
            self.session = Some((wanted, self.model.session_blocking(options)?));
        }
        // It is there by now.
        match &mut self.session {
            Some((_, session)) => Ok(session),
            None => unreachable!("a session was just made"),
        }
    }
}
