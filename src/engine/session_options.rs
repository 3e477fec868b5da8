//! What a session is made for.

#[cfg(any(feature = "gpu", feature = "cpu"))]
use crate::architecture::Architecture;
use crate::architecture::InputSize;
use crate::cancel::CancelToken;
#[cfg(any(feature = "gpu", feature = "cpu"))]
use crate::error::{Error, Result};
#[cfg(any(feature = "gpu", feature = "cpu"))]
use crate::maps::class_maps_tap;

/// What a session is for: a size, and how much at once.
///
/// ```
/// # #[cfg(all(feature = "gpu", feature = "safetensors"))]
/// # fn main() -> densenet_wgpu::Result<()> {
/// use densenet_wgpu::{CancelToken, Gpu, GpuOptions, InputSize, LoadOptions, Model, SessionOptions, weights};
///
/// # let gpu = Gpu::new_blocking(GpuOptions::default())?;
/// # let model = Model::load_blocking(&gpu, &weights::embedded()?, LoadOptions::default())?;
/// let token = CancelToken::new();
/// let options = SessionOptions::new(InputSize::square(28)).max_batch(8).taps(["features.denseblock1"]);
/// let mut session = model.session_blocking(options.cancel(token.clone()))?;
/// let output = session.run_blocking(&vec![0.5; 8 * session.image_elements()])?;
/// let maps = output.tap("features.denseblock1").expect("it was asked for"); // of all eight images
/// println!("{} channels of {} x {}", maps.channels, maps.height, maps.width);
///
/// token.cancel(); // from any thread
/// assert!(session.run_blocking(&vec![0.5; session.image_elements()]).is_err());
/// # Ok(())
/// # }
/// # #[cfg(not(all(feature = "gpu", feature = "safetensors")))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Height and width of the images.
    pub size: InputSize,
    /// See [`SessionOptions::max_batch`].
    pub max_batch: usize,
    /// See [`SessionOptions::taps`].
    pub taps: Vec<String>,
    /// See [`SessionOptions::cancel`].
    pub cancel: Option<CancelToken>,
}

impl SessionOptions {
    /// Single images of `size`, no taps.
    pub fn new(size: InputSize) -> Self {
        SessionOptions { size, max_batch: 1, taps: Vec::new(), cancel: None }
    }

    /// The most images in one pass, at least 1. A longer input takes several passes; so does a batch that exceeds the
    /// adapter's limits.
    pub fn max_batch(mut self, images: usize) -> Self {
        self.max_batch = images;
        self
    }

    /// Names of values to read back besides the result: see [`crate::low_level::plan::Plan::taps`], and
    /// [`crate::CLASS_MAPS`] for class-activation maps.
    pub fn taps(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.taps = names.into_iter().map(|name| name.as_ref().to_string()).collect();
        self
    }

    /// Stops the session's runs once `token` is cancelled, with [`crate::Error::Cancelled`]. A pass that takes an adapter
    /// of its kind long is submitted in chunks then, so that little is left on the device: see
    /// [`Session::run`](crate::Session::run) and [`Session::submit`](crate::Session::submit).
    pub fn cancel(mut self, token: impl Into<Option<CancelToken>>) -> Self {
        self.cancel = token.into();
        self
    }
}

#[cfg(any(feature = "gpu", feature = "cpu"))]
impl SessionOptions {
    /// Whether a session of a model needs the plan with class maps.
    ///
    /// # Errors
    /// [`Error::Input`] for passes of no image, [`Error::Tap`] for class maps of a model that was loaded without.
    pub(crate) fn wants_class_maps(&self, architecture: &Architecture, has_class_maps: bool) -> Result<bool> {
        if self.max_batch == 0 {
            return Err(Error::Input("max_batch is 0: at least 1 is needed".into()));
        }
        let maps = class_maps_tap(architecture);
        let wanted = self.taps.iter().any(|name| name == maps);
        if wanted && !has_class_maps {
            let hint = "load the model with LoadOptions::class_maps for class-activation maps".into();
            return Err(Error::Tap { name: maps.into(), hint });
        }
        Ok(wanted)
    }
}
