//! The window's surface, on a device that the network's thread may share.
//!
//! When the window is resized, wgpu waits for the device before it configures the surface. If another thread submits work
//! meanwhile, wgpu reports an error, and an error without a handler ends the program. Here the window keeps its surface,
//! and configures it again with the next frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eframe::egui::Context;
use eframe::egui_wgpu::SurfaceConfig;
use eframe::wgpu::{Device, Error};

/// Part of wgpu's message when a surface could not be configured.
const CONFIGURE: &str = "Surface::configure";

/// Handles the errors of the window's device.
pub(crate) struct Surface {
    refused: Arc<AtomicBool>,
}

impl Surface {
    /// Becomes the device's handler for uncaptured errors, of which there is one. Errors of the surface are mended; `say`
    /// is told of others.
    pub(crate) fn watch(device: &Device, context: &Context, say: impl Fn(String) + Send + Sync + 'static) -> Surface {
        let refused = Arc::new(AtomicBool::new(false));
        let (flag, context) = (refused.clone(), context.clone());
        device.on_uncaptured_error(Arc::new(move |error: Error| {
            // Drawing on a surface of the wrong size fails too.
            if error.to_string().contains(CONFIGURE) || flag.load(Ordering::Relaxed) {
                log::debug!("the surface is configured again with the next frame: {error}");
                flag.store(true, Ordering::Relaxed);
            } else {
                log::error!("{error}");
                say(format!("an error of the window's device: {error}"));
            }
            context.request_repaint();
        }));
        Surface { refused }
    }

    /// The configuration to set now, if the surface must be configured again.
    pub(crate) fn again(&self, current: Option<SurfaceConfig>) -> Option<SurfaceConfig> {
        let current = current.filter(|_| self.refused.swap(false, Ordering::Relaxed))?;
        // eframe ignores a configuration equal to the current one.
        let low = SurfaceConfig::LOW_LATENCY;
        Some(if current == low { SurfaceConfig::HIGH_THROUGHPUT } else { low })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_answered_once_with_a_configuration_that_differs() {
        let surface = Surface { refused: Arc::new(AtomicBool::new(false)) };
        let current = SurfaceConfig::LOW_LATENCY;
        assert_eq!(surface.again(Some(current)), None, "nothing was refused");
        surface.refused.store(true, Ordering::Relaxed);
        let next = surface.again(Some(current)).expect("another configuration");
        assert_ne!(next, current);
        assert_eq!(surface.again(Some(next)), None, "once");
        surface.refused.store(true, Ordering::Relaxed);
        assert_eq!(surface.again(Some(next)), Some(current), "and back");
    }
}
