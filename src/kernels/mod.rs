//! From a plan to a program: which kernel, with which constants, parameters, bindings and grid.
//!
//! Everything here is plain data without wgpu: a program can be printed, compared, and checked for a device that does
//! not exist. Each file of [`buffer`] keeps a kernel's parameters, weight packing and grid together, so that the
//! numbers that specialise the shader and those that size its grid cannot disagree.

mod buffer;
mod facts;
mod pack;
mod program;
mod source;

use std::fmt;

pub use facts::{AdapterFacts, AdapterKind, DeviceLimits};
pub use pack::{PackedWeight, Packing};
pub use program::{Dispatch, Program, Resource, TapSource};

/// A way of laying out activations and weights, with kernels of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KernelFamily {
    /// Storage buffers with channels by four: GPUs, and any adapter nobody has tested.
    Buffer,
}

impl fmt::Display for KernelFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KernelFamily::Buffer => f.write_str("buffer"),
        }
    }
}

impl std::str::FromStr for KernelFamily {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "buffer" => Ok(KernelFamily::Buffer),
            "texture" => Err("the texture family is not in this version: use --kernels buffer".into()),
            _ => Err(format!("'{text}' is no kernel family: buffer")),
        }
    }
}

/// The shaders, one a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kernel {
    /// `shaders/buffer/stem.wgsl`
    Stem,
    /// `shaders/buffer/max_pool.wgsl`
    MaxPool,
    /// `shaders/buffer/pointwise.wgsl`
    Pointwise,
    /// `shaders/buffer/conv3x3.wgsl`
    Convolution3x3,
    /// `shaders/buffer/average_pool.wgsl`
    AveragePool,
    /// `shaders/buffer/global_pool.wgsl`
    GlobalPool,
    /// `shaders/buffer/classifier.wgsl`
    Classifier,
    /// `shaders/buffer/append.wgsl`
    Append,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: [Kernel; 8] = [
        Kernel::Stem,
        Kernel::MaxPool,
        Kernel::Pointwise,
        Kernel::Convolution3x3,
        Kernel::AveragePool,
        Kernel::GlobalPool,
        Kernel::Classifier,
        Kernel::Append,
    ];

    /// The shader's text with its imports, ordinary WGSL.
    pub fn source(self) -> String {
        source::expand(self.name(), source::text(self))
    }

    /// The file's name without ending.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Stem => "stem",
            Kernel::MaxPool => "max_pool",
            Kernel::Pointwise => "pointwise",
            Kernel::Convolution3x3 => "conv3x3",
            Kernel::AveragePool => "average_pool",
            Kernel::GlobalPool => "global_pool",
            Kernel::Classifier => "classifier",
            Kernel::Append => "append",
        }
    }

    /// Storage buffers bound behind source and destination: packed weights.
    pub fn weight_bindings(self) -> usize {
        match self {
            Kernel::MaxPool | Kernel::Append => 0,
            Kernel::AveragePool | Kernel::GlobalPool => 1,
            Kernel::Stem | Kernel::Convolution3x3 | Kernel::Classifier => 2,
            Kernel::Pointwise => 3,
        }
    }
}

/// What changes a kernel's code: equal keys share a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Variant {
    /// The shader.
    pub kernel: Kernel,
    /// Invocations of a workgroup, all along x.
    pub workgroup_size: u32,
    /// Eight pixels an invocation in place of four (convolutions).
    pub wide: bool,
    /// Batch norm and ReLU on load (3x3 convolution of plain layers).
    pub norm: bool,
}

impl Variant {
    /// The values of the shader's `override` constants.
    pub fn constants(&self) -> Vec<(&'static str, f64)> {
        let mut constants = vec![("WORKGROUP_SIZE", f64::from(self.workgroup_size))];
        if matches!(self.kernel, Kernel::Pointwise | Kernel::Convolution3x3) {
            constants.push(("WIDE", f64::from(u8::from(self.wide))));
        }
        if self.kernel == Kernel::Convolution3x3 {
            constants.push(("NORM", f64::from(u8::from(self.norm))));
        }
        constants
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = if self.wide { "/wide" } else { "" };
        let norm = if self.norm { "/norm" } else { "" };
        write!(f, "{}{wide}{norm}/{}", self.kernel.name(), self.workgroup_size)
    }
}

#[cfg(test)]
mod tests;
