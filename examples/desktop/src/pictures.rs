//! The thread that decodes pictures, lists folders and makes thumbnails.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use densenet_wgpu::picture::{FORMATS, Picture, has_picture_ending};
use eframe::egui::{Color32, ColorImage};

use crate::messages::in_one_line;

/// File extensions of weight files.
const WEIGHTS: [&str; 6] = ["safetensors", "pth", "pt", "bin", "h5", "keras"];
/// Maximum side of a picture on the screen, in pixels. The network gets the whole picture.
const MAX_SHOWN: usize = 1024;
/// Maximum side of a thumbnail, in pixels.
const MAX_THUMBNAIL: usize = 96;

/// From the window.
pub(crate) enum Wish {
    /// Read a picture.
    Open(PathBuf),
    /// Take a picture from the clipboard.
    Paste(Arc<ColorImage>),
    /// List the pictures of a folder.
    Folder(PathBuf),
    /// Make a thumbnail.
    Thumbnail(PathBuf),
}

/// A decoded picture, and its pixels for the screen.
#[derive(Clone)]
pub(crate) struct OpenPicture {
    pub(crate) name: String,
    /// `None` for a pasted picture.
    pub(crate) path: Option<PathBuf>,
    pub(crate) decoded: Arc<Picture>,
    pub(crate) shown: ColorImage,
}

/// To the window.
pub(crate) enum News {
    Opened(Box<OpenPicture>),
    Folder { path: PathBuf, pictures: Vec<PathBuf> },
    Thumbnail { path: PathBuf, image: Option<ColorImage> },
    Refused(String),
}

/// What a path is taken for: a folder if there is one, else by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathKind {
    Folder,
    Weights,
    Picture,
}

impl PathKind {
    pub(crate) fn of(path: &Path) -> PathKind {
        if path.is_dir() {
            PathKind::Folder
        } else if has_ending(path, &WEIGHTS) {
            PathKind::Weights
        } else {
            PathKind::Picture
        }
    }
}

/// The window's end of the channels.
pub(crate) struct Pictures {
    pub(crate) wishes: Sender<Wish>,
    pub(crate) news: Receiver<News>,
}

impl Pictures {
    /// Starts the thread. Once this is dropped, it ends after the picture at hand. `wake` is called after all news.
    ///
    /// # Errors
    /// The system's, where it gives no thread.
    pub(crate) fn start(wake: impl Fn() + Send + 'static) -> std::io::Result<(Pictures, JoinHandle<()>)> {
        let (wishes, inbox) = channel::<Wish>();
        let (outbox, news) = channel();
        let thread = thread::Builder::new().name("pictures".into()).spawn(move || {
            let mut waiting: Vec<Wish> = Vec::new();
            loop {
                if waiting.is_empty() {
                    let Ok(wish) = inbox.recv() else { return };
                    waiting.push(wish);
                }
                waiting.extend(inbox.try_iter());
                // Thumbnails come last.
                let next = waiting.iter().position(|wish| !matches!(wish, Wish::Thumbnail(_))).unwrap_or(0);
                if outbox.send(grant(waiting.remove(next))).is_err() {
                    return;
                }
                wake();
            }
        })?;
        Ok((Pictures { wishes, news }, thread))
    }
}

fn grant(wish: Wish) -> News {
    let opened = |result: densenet_wgpu::Result<OpenPicture>| match result {
        Ok(picture) => News::Opened(Box::new(picture)),
        Err(error) => News::Refused(in_one_line(&error)),
    };
    match wish {
        Wish::Open(path) => opened(open(&path)),
        Wish::Paste(image) => opened(pasted(&image)),
        Wish::Folder(path) => match list(&path) {
            Ok(pictures) if pictures.is_empty() => {
                News::Refused(format!("{}: the folder holds no {FORMATS} file", path.display()))
            }
            Ok(pictures) => News::Folder { path, pictures },
            Err(error) => News::Refused(format!("{}: the folder cannot be read: {error}", path.display())),
        },
        Wish::Thumbnail(path) => {
            let image = Picture::open(&path).and_then(|decoded| shown(&decoded, MAX_THUMBNAIL)).ok();
            News::Thumbnail { path, image }
        }
    }
}

fn open(path: &Path) -> densenet_wgpu::Result<OpenPicture> {
    let decoded = Picture::open(path)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(OpenPicture {
        name,
        path: Some(path.to_path_buf()),
        shown: shown(&decoded, MAX_SHOWN)?,
        decoded: Arc::new(decoded),
    })
}

fn pasted(image: &ColorImage) -> densenet_wgpu::Result<OpenPicture> {
    let pixels = image.pixels.iter().flat_map(Color32::to_srgba_unmultiplied).collect();
    let [width, height] = image.size;
    let decoded = Picture::from_pixels(width, height, 4, pixels, "the clipboard")?;
    Ok(OpenPicture {
        name: "pasted picture".into(),
        path: None,
        shown: shown(&decoded, MAX_SHOWN)?,
        decoded: Arc::new(decoded),
    })
}

/// The picture with at most `most` pixels a side: means of whole boxes of pixels.
fn shown(decoded: &Picture, most: usize) -> densenet_wgpu::Result<ColorImage> {
    let (width, height) = (decoded.width(), decoded.height());
    let pixels = decoded.pixels(3)?;
    let step = width.max(height).div_ceil(most).max(1);
    let size = [width.div_ceil(step), height.div_ceil(step)];
    let mut image = ColorImage::filled(size, Color32::BLACK);
    for (i, target) in image.pixels.iter_mut().enumerate() {
        let (left, top) = (i % size[0] * step, i / size[0] * step);
        let (right, bottom) = ((left + step).min(width), (top + step).min(height));
        let mut sums = [0usize; 3];
        for row in top..bottom {
            for pixel in pixels[(row * width + left) * 3..(row * width + right) * 3].chunks_exact(3) {
                sums.iter_mut().zip(pixel).for_each(|(sum, &x)| *sum += usize::from(x));
            }
        }
        let count = (right - left) * (bottom - top);
        let [red, green, blue] = sums.map(|sum| (sum / count) as u8);
        *target = Color32::from_rgb(red, green, blue);
    }
    Ok(image)
}

fn list(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if has_picture_ending(&path) && path.is_file() {
            pictures.push(path);
        }
    }
    pictures.sort();
    Ok(pictures)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_they_look_like() {
        for (path, kind) in [
            ("..", PathKind::Folder),
            ("densenet121.PTH", PathKind::Weights),
            ("model.safetensors", PathKind::Weights),
            ("cat.jpg", PathKind::Picture),
            ("no-ending", PathKind::Picture),
        ] {
            assert_eq!(PathKind::of(Path::new(path)), kind, "{path}");
        }
    }

    #[test]
    fn a_folder_is_listed_in_the_order_of_names_and_says_what_is_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let refusal = |wish| match grant(wish) {
            News::Refused(reason) => reason,
            _ => String::new(),
        };
        assert!(refusal(Wish::Folder(folder.path().into())).contains("holds no PNG"));
        for name in ["b.PNG", "a.jpeg", "notes.txt"] {
            std::fs::write(path(name), b"no picture").expect("a file");
        }
        let News::Folder { pictures, .. } = grant(Wish::Folder(folder.path().into())) else { panic!("no folder") };
        assert_eq!(pictures, [path("a.jpeg"), path("b.PNG")]);
        assert!(refusal(Wish::Folder(path("none"))).contains("cannot be read"));
        assert!(refusal(Wish::Open(path("b.PNG"))).contains("b.PNG"));
        assert!(matches!(grant(Wish::Thumbnail(path("b.PNG"))), News::Thumbnail { image: None, .. }));
    }

    #[test]
    fn what_is_pasted_is_a_picture_and_what_is_shown_is_small() {
        let mut image = ColorImage::filled([3000, 10], Color32::WHITE);
        image.pixels[0] = Color32::TRANSPARENT;
        let News::Opened(picture) = grant(Wish::Paste(Arc::new(image))) else { panic!("no picture") };
        assert_eq!((picture.decoded.width(), picture.decoded.height()), (3000, 10));
        assert_eq!(picture.shown.size, [1000, 4]);
        assert!(picture.shown.pixels.iter().all(|&pixel| pixel == Color32::WHITE), "transparent lies on white");
    }
}
