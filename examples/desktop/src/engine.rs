//! Loading and running, on the network's thread.

use std::sync::Arc;
use std::time::Instant;

use densenet_wgpu::gpu::adapters_blocking;
use densenet_wgpu::picture::prepare;
use densenet_wgpu::{
    AdapterFacts, AdapterKind, CancelToken, Classifier, ClassifierOptions, Engine as Runs, Error, Gpu, GpuOptions,
    Input, Progress, Result, Wanted, weights,
};

use crate::atlas::Atlas;
use crate::messages::{Answer, Event, Job, Outbox, Source};
use crate::network::Network;
use crate::reuse;
use crate::stop::Stop;

/// Devices, and the classifier that answers.
pub(crate) struct Engine {
    /// The window's device, where the window draws with wgpu.
    window: Option<Gpu>,
    /// Whether to share it even if it is a software adapter's.
    one_device: bool,
    adapters: Vec<AdapterFacts>,
    /// The last device or CPU engine opened here, and what was asked for.
    opened: Option<(Option<String>, Runs)>,
    loaded: Option<(Classifier, Arc<Network>)>,
    outbox: Outbox,
    stop: Stop,
}

impl Engine {
    pub(crate) fn new(window: Option<Gpu>, one_device: bool, outbox: Outbox, stop: Stop) -> Engine {
        Engine { window, one_device, adapters: Vec::new(), opened: None, loaded: None, outbox, stop }
    }

    /// Loads a network; the current one stays until the new one is complete.
    pub(crate) fn load(&mut self, source: &Source, token: CancelToken) -> Result<Arc<Network>> {
        self.try_load(source, token).inspect_err(|error| self.forget_lost(error))
    }

    /// Drops a lost device, so that the next load opens another.
    fn forget_lost(&mut self, error: &Error) {
        if matches!(error, Error::DeviceLost(_)) {
            (self.opened, self.loaded) = (None, None);
        }
    }

    fn try_load(&mut self, source: &Source, token: CancelToken) -> Result<Arc<Network>> {
        token.check()?;
        let file = source.path.as_ref().and_then(|path| path.file_name());
        let name = file.map_or_else(|| "the embedded model".into(), |name| name.to_string_lossy());
        self.say(format!("reading {name}"));
        let weights = match &source.path {
            Some(path) => weights::open(path)?,
            None => weights::embedded()?,
        };
        token.check()?;
        self.say("opening the adapter".into());
        let (engine, shared) = self.open(source.adapter.as_deref())?;
        let adapter = match &engine {
            Runs::Gpu(gpu) => Some(gpu.facts().clone()),
            _ => None,
        };
        // A classifier on a device does not keep the weights.
        let reuse = reuse::of(&weights)?;
        let outbox = self.outbox.clone();
        let options = ClassifierOptions::default()
            .engine(engine)
            .outputs(weights.architecture().classes().map(|_| Wanted::ClassMaps))
            .cancel(token.clone())
            .progress(move |progress| outbox.send(Event::Loading(progress)));
        let classifier = Classifier::new_blocking(weights, options)?;
        let network = Arc::new(Network { shared, reuse, ..Network::of(&classifier, adapter.as_ref())? });
        self.stop.take_over(&token)?;
        self.loaded = Some((classifier, network.clone()));
        Ok(network)
    }

    fn say(&self, what: String) {
        self.outbox.send(Event::Loading(Progress { done: 0, total: 1, what }));
    }

    /// The device for an adapter, or the CPU engine, and whether it is the window's device.
    ///
    /// A GPU is shared with the window. A software adapter compiles shaders and runs the network on the cores that draw the
    /// window, and in one queue every frame would wait for a whole pass: there the network has a device of its own.
    fn open(&mut self, adapter: Option<&str>) -> Result<(Runs, bool)> {
        if self.adapters.is_empty() {
            self.adapters = adapters_blocking();
            self.outbox.send(Event::Adapters(self.adapters.clone()));
        }
        if let Some(window) = self.window.as_ref().filter(|window| self.can_share(window.facts(), adapter)) {
            return Ok((Runs::Gpu(window.clone()), true));
        }
        let adapter = adapter.map(str::to_string);
        if let Some((_, engine)) = self.opened.as_ref().filter(|(wanted, _)| *wanted == adapter) {
            return Ok((engine.clone(), false));
        }
        let engine = adapter.as_deref().map_or(Runs::Best, Runs::from).open_blocking()?;
        self.opened = Some((adapter, engine.clone()));
        Ok((engine, false))
    }

    /// Whether the window's adapter is the requested one, and a GPU.
    fn can_share(&self, window: &AdapterFacts, adapter: Option<&str>) -> bool {
        let wanted = self.gpu_options(adapter).position(&self.adapters).map(|index| &self.adapters[index]);
        (self.one_device || window.kind != AdapterKind::Software)
            && wanted.is_some_and(|wanted| (&wanted.name, &wanted.backend) == (&window.name, &window.backend))
    }

    /// Which adapter is meant. Without a name no software adapter is: the CPU engine is faster.
    fn gpu_options(&self, adapter: Option<&str>) -> GpuOptions {
        match adapter {
            Some(adapter) => GpuOptions::default().adapter(adapter),
            None => GpuOptions::default().hardware_only(!self.one_device),
        }
    }

    /// Runs a picture; `None` while no network is loaded.
    pub(crate) fn run(&mut self, job: &Job) -> Result<Option<Answer>> {
        let Some((classifier, network)) = &self.loaded else { return Ok(None) };
        answer(classifier, network, job).map(Some).inspect_err(|error| self.forget_lost(error))
    }
}

fn answer(classifier: &Classifier, network: &Network, job: &Job) -> Result<Answer> {
    let architecture = classifier.architecture();
    // Prepared here, so that the time shown is the network's and not that of resizing a photo.
    let prepared = prepare(&job.picture, classifier.preprocessing(), architecture.input_channels, None)?;
    let input = || Input::tensor(prepared.data.clone(), prepared.size);
    // The job may be older than the network: its strip may not exist any more.
    let view = job.view.as_ref().filter(|view| network.has_tap(&view.tap));
    let class_maps = architecture.classes().map(|_| Wanted::ClassMaps);
    let wanted: Vec<Wanted> = class_maps.into_iter().chain(view.map(|view| Wanted::Tap(view.tap.clone()))).collect();
    let tensor = input();
    let start = Instant::now();
    let prediction = classifier.classify_wanting_blocking(tensor, &wanted)?;
    let run_ms = start.elapsed().as_secs_f64() * 1e3;
    let atlas =
        view.and_then(|view| Some((view.clone(), Arc::new(Atlas::of(prediction.tap(&view.tap)?, view.channels)))));
    Ok(Answer {
        number: job.number,
        maps: prediction.class_maps().cloned(),
        scores: prediction.scores,
        region: prepared.region,
        warnings: prepared.warnings.clone(),
        run_ms,
        device_bytes: classifier.device_bytes(),
        features: atlas,
        times: job.timed.then(|| classifier.profile_blocking(input()).map_err(|error| error.to_string())),
    })
}
