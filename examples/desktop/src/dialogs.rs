//! The system's file dialogs, each in a thread of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use densenet_wgpu::files::AtomicFile;
use eframe::egui;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use crate::messages::in_one_line;
use crate::state::Dialog;

/// Open dialogs, and the paths chosen in them.
pub(crate) struct Dialogs {
    sender: Sender<(Dialog, PathBuf)>,
    chosen: Receiver<(Dialog, PathBuf)>,
}

impl Default for Dialogs {
    fn default() -> Self {
        let (sender, chosen) = channel();
        Dialogs { sender, chosen }
    }
}

impl Dialogs {
    /// Opens a dialog. Without one, nothing happens: every path can also be typed.
    pub(crate) fn open(&self, dialog: Dialog, context: &egui::Context) {
        let files = rfd::AsyncFileDialog::new();
        let (sender, context) = (self.sender.clone(), context.clone());
        // Created on the window's thread, as macOS requires, and awaited on another.
        let wait: std::pin::Pin<Box<dyn Future<Output = Option<rfd::FileHandle>> + Send>> = match dialog {
            Dialog::Folder => Box::pin(files.set_title("A folder of pictures").pick_folder()),
            Dialog::Picture => {
                let endings = densenet_wgpu::picture::endings();
                Box::pin(files.set_title("A picture").add_filter("Pictures", &endings).pick_file())
            }
            Dialog::Weights => {
                let endings = ["safetensors", "pth", "pt", "bin", "h5", "keras"];
                Box::pin(files.set_title("A weight file").add_filter("Weights", &endings).pick_file())
            }
        };
        let thread = std::thread::Builder::new().name("dialog".into()).spawn(move || {
            if let Some(file) = pollster::block_on(wait) {
                // Nobody listens once the window is closed.
                let _ = sender.send((dialog, file.path().to_path_buf()));
                context.request_repaint();
            }
        });
        if let Err(error) = thread {
            log::error!("the dialog cannot be opened: {error}");
        }
    }

    /// The next chosen path.
    pub(crate) fn chosen(&self) -> Option<(Dialog, PathBuf)> {
        self.chosen.try_recv().ok()
    }
}

/// Asks for a path and writes the window's picture there. `say` is told of an error.
pub(crate) fn save_view(image: std::sync::Arc<egui::ColorImage>, say: impl FnOnce(String) + Send + 'static) {
    let files = rfd::AsyncFileDialog::new().set_title("Save the view").set_file_name("densenet.png");
    let wait = files.add_filter("PNG", &["png"]).save_file();
    let write = move || {
        let Some(file) = pollster::block_on(wait) else { return };
        if let Err(error) = write_png(file.path(), &image) {
            say(format!("the view was not saved: {}", in_one_line(&error)));
        }
    };
    if let Err(error) = std::thread::Builder::new().name("save".into()).spawn(write) {
        log::error!("the view was not saved: {error}");
    }
}

/// Writes the window's pixels as a PNG file.
fn write_png(path: &Path, image: &egui::ColorImage) -> densenet_wgpu::Result<bool> {
    let pixels: Vec<u8> = image.pixels.iter().flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]).collect();
    let [width, height] = image.size.map(|n| n as u32);
    AtomicFile::new(path).write(|file| {
        let png = PngEncoder::new(file);
        png.write_image(&pixels, width, height, ExtendedColorType::Rgb8).map_err(io::Error::other)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_saved_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("view.png");
        let mut view = egui::ColorImage::filled([3, 2], egui::Color32::WHITE);
        view.pixels[4] = egui::Color32::from_rgb(1, 2, 3);
        write_png(&path, &view).expect("it is written");
        let read = densenet_wgpu::picture::Picture::open(&path).expect("a picture");
        assert_eq!((read.width(), read.height()), (3, 2));
        assert_eq!(read.pixels(3).expect("colours")[12..15], [1, 2, 3]);
        assert!(write_png(folder.path(), &view).is_err(), "a folder is no file");
    }
}
