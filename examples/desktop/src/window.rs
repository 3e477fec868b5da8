//! The window and its device.

use std::sync::Arc;
use std::time::Instant;

use densenet_wgpu::gpu::device_descriptor;
use eframe::egui_wgpu::{WgpuSetup, WgpuSetupCreateNew};
use eframe::{NativeOptions, egui};

use crate::app::App;
use crate::arguments::Arguments;

/// Under this name the system knows the app, and its settings are kept.
const NAME: &str = "densenet-desktop";

/// Opens the window; returns when it is closed and the threads behind it have ended.
///
/// A thread that still compiles shaders when `main` returns uses a driver that is being taken down, and the app crashes.
/// They are joined, not scoped: a scope does not wait for what drivers do when a thread ends.
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
    // What is shown are pixels of maps and pictures: no noise on them.
    let mut options = NativeOptions { viewport, dithering: false, ..NativeOptions::default() };
    // The network may share the window's device: it is opened with what kernels want.
    options.wgpu_options.wgpu_setup = WgpuSetup::CreateNew(WgpuSetupCreateNew {
        device_descriptor: Arc::new(device_descriptor),
        ..WgpuSetupCreateNew::without_display_handle()
    });
    let mut threads = Vec::new();
    let app = |context: &eframe::CreationContext<'_>| App::new(context, arguments, start, &mut threads);
    let closed = eframe::run_native(NAME, options, Box::new(|context| Ok(Box::new(app(context)?))));
    for thread in threads {
        // Where it panicked, that was said when it happened.
        let _ = thread.join();
    }
    closed
}
