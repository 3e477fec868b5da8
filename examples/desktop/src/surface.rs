//! The window's surface, on a device that the network's thread may use as well.
//!
//! wgpu lets the device finish before it configures a surface, as it must whenever the window is resized, and refuses
//! where another thread submitted work meanwhile. Without a handler that ends the program. Here the window keeps the
//! surface it has, and has it configured again with the next frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eframe::egui::Context;
use eframe::egui_wgpu::SurfaceConfig;
use eframe::wgpu::{Device, Error};

/// What wgpu's message says where a surface could not be configured.
const CONFIGURE: &str = "Surface::configure";

/// Hears what the window's device refuses.
pub(crate) struct Surface {
    refused: Arc<AtomicBool>,
}

impl Surface {
    /// Takes the device's only handler for errors that nobody else catches. Errors of the surface are mended, others
    /// are given to `say`.
    pub(crate) fn watch(device: &Device, context: &Context, say: impl Fn(String) + Send + Sync + 'static) -> Surface {
        let refused = Arc::new(AtomicBool::new(false));
        let (flag, context) = (refused.clone(), context.clone());
        device.on_uncaptured_error(Arc::new(move |error: Error| {
            // Whatever is drawn on a surface that has not the window's size is refused too.
            if error.to_string().contains(CONFIGURE) || flag.load(Ordering::Relaxed) {
                log::debug!("the surface is configured again with the next frame: {error}");
                flag.store(true, Ordering::Relaxed);
            } else {
                log::error!("{error}");
                say(format!("the window's device refused something: {error}"));
            }
            context.request_repaint();
        }));
        Surface { refused }
    }

    /// What to configure the surface with now, where it must be done again.
    pub(crate) fn again(&self, current: Option<SurfaceConfig>) -> Option<SurfaceConfig> {
        let current = current.filter(|_| self.refused.swap(false, Ordering::Relaxed))?;
        // Only what differs from the current one is taken.
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
