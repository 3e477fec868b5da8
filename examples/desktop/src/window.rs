//! The window and its device.

use std::sync::Arc;
use std::time::Instant;

use densenet_wgpu::gpu::device_descriptor;
use eframe::egui_wgpu::{WgpuSetup, WgpuSetupCreateNew};
use eframe::{NativeOptions, egui};

use crate::app::App;
use crate::arguments::Arguments;

/// The app's name to the system, and that of its settings.
const NAME: &str = "densenet-desktop";

/// Opens the window. Returns when it is closed and the threads behind it have ended, which they do at their next step.
///
/// They must end first: when `main` returns, drivers are taken down, and a thread that still compiles shaders would crash.
/// They are joined, not scoped, since a scope does not wait for what drivers do at a thread's end.
///
/// # Errors
/// Those of the window system and of the adapter.
pub(crate) fn open(arguments: Arguments, start: Instant) -> eframe::Result {
    let viewport = egui::ViewportBuilder::default()
        .with_title("DenseNet")
        .with_app_id(NAME)
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([640.0, 400.0])
        .with_drag_and_drop(true);
    // No noise on the pixels of maps and pictures.
    let mut options = NativeOptions { viewport, dithering: false, ..NativeOptions::default() };
    // The network may share the window's device, so it is opened with the limits and features that kernels need.
    options.wgpu_options.wgpu_setup = WgpuSetup::CreateNew(WgpuSetupCreateNew {
        device_descriptor: Arc::new(device_descriptor),
        ..WgpuSetupCreateNew::without_display_handle()
    });
    let mut threads = Vec::new();
    let app = |context: &eframe::CreationContext<'_>| App::new(context, arguments, start, &mut threads);
    let closed = eframe::run_native(NAME, options, Box::new(|context| Ok(Box::new(app(context)?))));
    for thread in threads {
        // A panic was printed when it happened.
        let _ = thread.join();
    }
    closed
}
