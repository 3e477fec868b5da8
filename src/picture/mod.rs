//! From a picture to a network's input (decode, resize, crop, normalise), and from a class map back to the picture.
//!
//! ```no_run
//! # #[cfg(feature = "images")]
//! # fn main() -> densenet_wgpu::Result<()> {
//! use densenet_wgpu::picture::{Picture, Preprocessing, prepare};
//!
//! let picture = Picture::open("cat.jpg")?;
//! let preprocessing = Preprocessing::named("torchvision").expect("a name of picture::NAMES");
//! let prepared = prepare(&picture, &preprocessing, 3, None)?;
//! assert_eq!(prepared.data.len(), 3 * 224 * 224);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "images"))]
//! # fn main() {}
//! ```

#[cfg(feature = "images")]
mod complete;
#[cfg(feature = "images")]
mod decode;
#[cfg(feature = "images")]
mod digit;
#[cfg(feature = "images")]
mod formats;
mod heat;
#[cfg(feature = "images")]
mod orientation;
#[cfg(feature = "images")]
mod overlay;
#[cfg(feature = "images")]
mod pixels;
#[cfg(feature = "images")]
mod prepare;
mod preprocessing;
#[cfg(feature = "images")]
mod range;
#[cfg(feature = "images")]
mod region;
#[cfg(feature = "images")]
mod resize;

#[cfg(feature = "images")]
pub use decode::{MAX_BYTES, MAX_SIDE, Picture};
#[cfg(feature = "images")]
pub use formats::{FORMATS, endings, has_picture_ending};
pub use heat::Heat;
#[cfg(feature = "images")]
pub use orientation::Orientation;
#[cfg(feature = "images")]
pub use overlay::heat_colour;
#[cfg(feature = "images")]
pub use prepare::{Prepared, prepare};
pub use preprocessing::{Colour, Filter, MAX_PIXELS, NAMES, Preprocessing, Resize};
#[cfg(feature = "images")]
pub use region::Region;
