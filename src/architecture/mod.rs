//! One type, [`Architecture`], describes every DenseNet.
//!
//! Source: Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional Networks", CVPR 2017, sections 3
//! and 4; layer names are torchvision's.

mod activation;
mod head;
mod input;
mod json;
mod lookup;
mod network;
mod parameters;
mod parts;
mod presets;
mod shape;
mod stem;
mod validate;
mod walk;
mod wire;

pub use activation::Activation;
pub use head::{Branch, Head, HeadLayer, Pooling};
pub use input::InputTransform;
pub use network::Architecture;
pub use parameters::Parameter;
pub use parts::{BlockEnd, DenseLayer, HeadPart, NamedLayer, Part, StemPart, Transition};
#[cfg(feature = "files")]
pub(crate) use parts::{dense_layer_name, transition_name};
pub use presets::{PRESETS, Recipe};
pub use shape::{InputSize, Shape};
pub use stem::{Padding, Stem, StemPool};
pub use walk::{Layer, LayerKind};

#[cfg(test)]
mod tests;
