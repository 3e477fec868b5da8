//! What the device refuses becomes an [`Error`]: error scopes around work, and word of a lost device.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};

/// Whether a device is lost, and why.
#[derive(Clone, Debug)]
pub(super) struct Lost(Arc<Mutex<Option<String>>>);

impl Lost {
    /// Watches `device`, of whose callbacks for this there is only one.
    pub(super) fn watch(device: &wgpu::Device) -> Lost {
        let lost = Lost::unwatched();
        let reason = lost.0.clone();
        device.set_device_lost_callback(move |why, message| {
            // A device that was destroyed in order reports that too.
            if why != wgpu::DeviceLostReason::Destroyed
                && let Ok(mut reason) = reason.lock()
            {
                reason.get_or_insert(message);
            }
        });
        lost
    }

    /// For a device whose callback belongs to somebody else: never lost, as far as this knows.
    pub(super) fn unwatched() -> Lost {
        Lost(Arc::new(Mutex::new(None)))
    }

    /// Fails once the device is lost.
    pub(super) fn check(&self) -> Result<()> {
        match self.0.lock().ok().and_then(|reason| reason.clone()) {
            Some(reason) => Err(Error::DeviceLost(reason)),
            None => Ok(()),
        }
    }
}

/// The first error of some scopes.
#[cfg(not(target_arch = "wasm32"))]
pub(super) type Errors = Pin<Box<dyn Future<Output = std::result::Result<(), wgpu::Error>> + Send>>;
/// The first error of some scopes; a browser's futures stay on their thread.
#[cfg(target_arch = "wasm32")]
pub(super) type Errors = Pin<Box<dyn Future<Output = std::result::Result<(), wgpu::Error>>>>;

/// Error scopes for validation, memory and the driver.
pub(super) struct Scopes;

impl Scopes {
    /// Runs `work` inside scopes; the future yields the first error. Scopes belong to the calling thread, so they are
    /// popped before this returns, and only their answers are awaited.
    pub(super) fn around<T>(device: &wgpu::Device, work: impl FnOnce() -> T) -> (T, Errors) {
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let value = work();
        let (memory, internal, validation) = (memory.pop(), internal.pop(), validation.pop());
        let errors: Errors = Box::pin(async move {
            match (memory.await, internal.await, validation.await) {
                (Some(error), ..) | (_, Some(error), _) | (.., Some(error)) => Err(error),
                _ => Ok(()),
            }
        });
        (value, errors)
    }
}

/// The error of this crate; `what` says what was being done.
pub(super) fn translate(error: wgpu::Error, what: &str) -> Error {
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::OutOfMemory(what.to_string()),
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
            Error::Device(format!("{what}: {line}"))
        }
    }
}
