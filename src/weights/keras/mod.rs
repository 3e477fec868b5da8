//! Weight files and models of Keras: HDF5 in the layouts of Keras 1, 2 and 3, and `.keras` archives.
//!
//! read.rs opens the container. layers.rs finds the layers that have weights; graph.rs reads a model's configuration, where
//! there is one, and neutral.rs makes the graph of it that weights/graph reads. convert.rs puts kernels in PyTorch's layout.

mod arguments;
mod convert;
mod graph;
mod hdf5;
mod layers;
mod meter;
mod neutral;
mod read;
mod settings;

pub(super) use read::read;

#[cfg(test)]
mod tests;
