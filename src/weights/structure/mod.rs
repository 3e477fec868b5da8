//! Unknown names: the network is recognised by the shapes of its tensors.
//!
//! Tensors are gathered into layers (modules.rs). Each convolution and batch norm must then have exactly one place in a
//! DenseNet. search.rs walks the grammar `stem, [norm], blocks of (norm, 1x1, norm, 3x3) or (norm, 3x3), (norm, 1x1)
//! between them, norm, classifier`: the number of channels at hand says which layers may come next, and the order of the
//! names (path.rs) says which of those may. Where shapes and numbering leave several readings, regular names help: the
//! modules of a dense layer stand together, and modules with like names do the same. recognise.rs accepts a reading if it
//! is the only one under some set of these rules, and no other set singles out another.
//!
//! Shapes cannot tell where a concatenation's new channels are (the running statistics may), the stem's stride, padding
//! and pooling, and epsilon.

mod modules;
mod path;
mod places;
mod recognise;
mod search;

pub(super) use recognise::recognise;

#[cfg(test)]
mod tests;
