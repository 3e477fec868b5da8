//! From a plan to a program: which kernel, with which constants, parameters, bindings and grid.
//!
//! Everything here is plain data without wgpu: a program can be printed, compared, and checked against a device that does
//! not exist.
//!
//! A [`Kernel`] is one value in one Rust file, beside its WGSL text: bindings, variants, tile numbers, parameters, packing
//! and grid stand together. Each number is declared there once. [`Variant::source`] writes it at the head of the shader,
//! and the grid is computed from it. Adding a kernel means one file in `buffer` or `texture`, a line in that folder's
//! `steps.rs`, and the WGSL file.
//!
//! | file or folder | what it holds |
//! |---|---|
//! | `facts`, `family`, `choice` | what is known about an adapter; the kernel families; which to use |
//! | `layer`, `experience`, `estimate` | what the time of a layer depends on; what was found on an adapter; what is expected of one that nobody tried |
//! | `kernel`, `tiling`, `variant`, `source` (on `constant`, `params`, `text`) | what a kernel is; its variants; their WGSL |
//! | `packing` | weights as the kernels read them: what all families need |
//! | `program`, `panels` | what a device executes; how tensors lie in textures |
//! | `lowering` | plan to program: the steps, the limits |
//! | `buffer`, `texture` | the families: one file per kernel |
//! | `shared` | what both families use: buffers, and the head's layers |
//! | `registry` | the list of all kernels |
//! | `weight_layout`, `footprint` | where packed weights go on the device; bytes in all |

mod buffer;
mod choice;
mod constant;
mod estimate;
mod experience;
mod facts;
mod family;
mod footprint;
mod kernel;
mod layer;
mod lowering;
mod packing;
mod panels;
mod params;
mod program;
mod registry;
mod shared;
mod source;
mod text;
mod texture;
mod tiling;
mod variant;
mod weight_layout;

pub use buffer::BufferPacking;
pub use choice::Kernels;
pub use constant::{Constant, Value};
pub use estimate::Machine;
pub use experience::Experience;
pub use facts::{AdapterFacts, AdapterKind, DeviceLimits};
pub use family::KernelFamily;
pub use footprint::{Footprint, STAGING_BUFFERS};
pub use kernel::{Binding, Kernel, Lanes};
pub use layer::Layer;
pub use lowering::Alternative;
pub use packing::{ArrayKind, PackedWeight, Packing};
pub use panels::Panels;
pub use params::Field;
pub use program::{Dispatch, Grid, Images, Program, Resource, TapPlace, TapSource};
pub use shared::HeadPacking;
pub use text::Text;
pub use texture::TexturePacking;
pub use tiling::Tiling;
pub use variant::Variant;
#[cfg(feature = "gpu")]
pub(crate) use weight_layout::{Placement, TexturePlacement, WeightLayout};

#[cfg(test)]
mod tests;
