//! How a model is loaded.

use std::fmt;
use std::time::Duration;

use crate::architecture::InputSize;
use crate::cancel::CancelToken;
use crate::kernels::{KernelFamily, Variant};
use crate::pause::Pause;
use crate::precision::Precision;

/// How far loading is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Parts done.
    pub done: usize,
    /// Parts in all.
    pub total: usize,
    /// What is being done now.
    pub what: String,
}

/// Called while a model loads, on the loading thread.
pub type ProgressCallback = Box<dyn FnMut(Progress) + Send>;

/// Whether the variants of layers are chosen by measurement. Results differ by rounding only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuning {
    /// By what is known of the adapter alone: always the same choice.
    Off,
    /// By what was measured before, where something was.
    Remembered,
    /// By what was measured before, and measurements of the rest, within this time or a little more.
    Within(Duration),
}

/// How to load a model. The default is f32 weights, the adapter's own kernel family and no class maps.
#[non_exhaustive]
pub struct LoadOptions {
    /// See [`LoadOptions::kernels`].
    pub kernels: Option<KernelFamily>,
    /// See [`LoadOptions::precision`].
    pub precision: Precision,
    /// See [`LoadOptions::class_maps`].
    pub class_maps: bool,
    /// See [`LoadOptions::size`].
    pub size: Option<InputSize>,
    /// See [`LoadOptions::progress`].
    pub progress: Option<ProgressCallback>,
    /// See [`LoadOptions::cancel`].
    pub cancel: Option<CancelToken>,
    /// See [`LoadOptions::pause`].
    pub pause: Pause,
    /// See [`LoadOptions::self_test`].
    pub self_test: bool,
    /// See [`LoadOptions::tuning`].
    pub tuning: Option<Tuning>,
    /// See [`LoadOptions::batch`].
    pub batch: usize,
    /// See [`LoadOptions::prefer`].
    pub prefer: Option<Variant>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions {
            kernels: None,
            precision: Precision::default(),
            class_maps: false,
            size: None,
            progress: None,
            cancel: None,
            pause: Pause::default(),
            self_test: true,
            tuning: None,
            batch: 1,
            prefer: None,
        }
    }
}

impl LoadOptions {
    /// The kernel family, in place of the adapter's default ([`crate::AdapterFacts::family`]).
    pub fn kernels(mut self, family: impl Into<Option<KernelFamily>>) -> Self {
        self.kernels = family.into();
        self
    }

    /// How weights are stored on the device.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Also uploads what class-activation maps need, about as much as the classifier's weights. Only then may a session
    /// ask for the tap [`crate::CLASS_MAPS`]. Other sessions run as before. A network without a classifier has no maps.
    pub fn class_maps(mut self, class_maps: bool) -> Self {
        self.class_maps = class_maps;
        self
    }

    /// The size whose kernels are prepared while loading. A session of another size compiles what it lacks when it is
    /// made. Without a size, the kernels of the smallest square image are prepared.
    pub fn size(mut self, size: impl Into<Option<InputSize>>) -> Self {
        self.size = size.into();
        self
    }

    /// Called before each part of the work and once at the end, on the loading thread.
    pub fn progress(mut self, callback: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(callback));
        self
    }

    /// Stops loading once `token` is cancelled: between two arrays, between two kernels, or before the first run.
    pub fn cancel(mut self, token: impl Into<Option<CancelToken>>) -> Self {
        self.cancel = token.into();
        self
    }

    /// Whether an adapter answers small questions with exact answers before it is trusted, once for each kernel that runs on it: yes,
    /// unless told otherwise. A kernel that is wrong or fails gives way to a safer one, with a warning in the log.
    pub fn self_test(mut self, self_test: bool) -> Self {
        self.self_test = self_test;
        self
    }

    /// Whether the variants of the layers are chosen by measurement on this adapter. By default they are on a GPU, within 300 ms of
    /// the first load for a network, size and batch; software adapters are not measured, but what was measured counts there, too.
    pub fn tuning(mut self, tuning: impl Into<Option<Tuning>>) -> Self {
        self.tuning = tuning.into();
        self
    }

    /// The images of a pass for which variants are chosen: what sessions will be made for.
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch.max(1);
        self
    }

    /// A variant that runs every step that it can run. For tests and measurements.
    pub fn prefer(mut self, variant: impl Into<Option<Variant>>) -> Self {
        self.prefer = variant.into();
        self
    }

    /// Rests between two arrays, for programs that have one thread for everything. Blocking twins never rest.
    pub fn pause(mut self, pause: Pause) -> Self {
        self.pause = pause;
        self
    }
}

impl fmt::Debug for LoadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadOptions")
            .field("kernels", &self.kernels)
            .field("precision", &self.precision)
            .field("class_maps", &self.class_maps)
            .field("size", &self.size)
            .field("cancel", &self.cancel)
            .field("pause", &self.pause)
            .finish_non_exhaustive()
    }
}
