//! Weight files and models of Keras: HDF5 in the layouts of Keras 1, 2 and 3, and `.keras` archives.
//!
//! read.rs opens the container. layers.rs finds the layers that have weights; graph.rs and network.rs tell from a model's
//! configuration, where there is one, which layer is which. convert.rs puts kernels in PyTorch's layout.

mod blocks;
mod convert;
mod graph;
mod hdf5;
mod layers;
mod meter;
mod network;
mod read;
mod settings;

pub(super) use read::read;

#[cfg(test)]
mod tests;
