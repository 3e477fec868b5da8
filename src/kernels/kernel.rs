//! Kernels and their variants: which file, which bindings, which constants.

use std::fmt;

use super::source;

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
    /// `shaders/texture/stem.wgsl`
    TextureStem,
    /// `shaders/texture/max_pool.wgsl`
    TextureMaxPool,
    /// `shaders/texture/pointwise.wgsl`
    TexturePointwise,
    /// `shaders/texture/conv3x3.wgsl`
    TextureConvolution3x3,
    /// `shaders/texture/average_pool.wgsl`
    TextureAveragePool,
    /// `shaders/texture/global_pool.wgsl`
    TextureGlobalPool,
    /// `shaders/texture/append.wgsl`
    TextureAppend,
}

/// What a binding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The parameters.
    Uniform,
    /// A storage buffer that is read.
    ReadBuffer,
    /// A storage buffer that is written.
    WriteBuffer,
    /// An rgba32float storage texture that is read.
    ReadTexture,
    /// An rgba32float storage texture that is written.
    WriteTexture,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: [Kernel; 15] = [
        Kernel::Stem,
        Kernel::MaxPool,
        Kernel::Pointwise,
        Kernel::Convolution3x3,
        Kernel::AveragePool,
        Kernel::GlobalPool,
        Kernel::Classifier,
        Kernel::Append,
        Kernel::TextureStem,
        Kernel::TextureMaxPool,
        Kernel::TexturePointwise,
        Kernel::TextureConvolution3x3,
        Kernel::TextureAveragePool,
        Kernel::TextureGlobalPool,
        Kernel::TextureAppend,
    ];

    /// Folder and file without ending.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Stem => "buffer/stem",
            Kernel::MaxPool => "buffer/max_pool",
            Kernel::Pointwise => "buffer/pointwise",
            Kernel::Convolution3x3 => "buffer/conv3x3",
            Kernel::AveragePool => "buffer/average_pool",
            Kernel::GlobalPool => "buffer/global_pool",
            Kernel::Classifier => "buffer/classifier",
            Kernel::Append => "buffer/append",
            Kernel::TextureStem => "texture/stem",
            Kernel::TextureMaxPool => "texture/max_pool",
            Kernel::TexturePointwise => "texture/pointwise",
            Kernel::TextureConvolution3x3 => "texture/conv3x3",
            Kernel::TextureAveragePool => "texture/average_pool",
            Kernel::TextureGlobalPool => "texture/global_pool",
            Kernel::TextureAppend => "texture/append",
        }
    }

    /// What the kernel binds: parameters, source, destination, then packed weights.
    pub fn bindings(self) -> &'static [Binding] {
        use Binding::{ReadBuffer, ReadTexture, Uniform, WriteBuffer, WriteTexture};
        match self {
            Kernel::MaxPool | Kernel::Append => &[Uniform, ReadBuffer, WriteBuffer],
            Kernel::AveragePool | Kernel::GlobalPool => &[Uniform, ReadBuffer, WriteBuffer, ReadBuffer],
            Kernel::Stem | Kernel::Convolution3x3 | Kernel::Classifier => {
                &[Uniform, ReadBuffer, WriteBuffer, ReadBuffer, ReadBuffer]
            }
            Kernel::Pointwise => &[Uniform, ReadBuffer, WriteBuffer, ReadBuffer, ReadBuffer, ReadBuffer],
            Kernel::TextureStem => &[Uniform, ReadBuffer, WriteTexture, ReadTexture],
            Kernel::TextureMaxPool | Kernel::TextureAppend => &[Uniform, ReadTexture, WriteTexture],
            Kernel::TextureAveragePool => &[Uniform, ReadTexture, WriteTexture, ReadTexture],
            Kernel::TextureGlobalPool => &[Uniform, ReadTexture, WriteBuffer, ReadTexture],
            Kernel::TexturePointwise | Kernel::TextureConvolution3x3 => {
                &[Uniform, ReadTexture, WriteTexture, ReadTexture, ReadTexture]
            }
        }
    }

    /// Whether lanes share the weights they load, so that a variant with shuffles exists.
    pub fn shares_weights(self) -> bool {
        matches!(self, Kernel::TextureStem | Kernel::TexturePointwise | Kernel::TextureConvolution3x3)
    }
}

/// What changes a kernel's code: equal keys share a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Variant {
    /// The shader.
    pub kernel: Kernel,
    /// Invocations of a workgroup, all along x; always eight in the texture family.
    pub workgroup_size: u32,
    /// Eight pixels an invocation in place of four (convolutions of the buffer family).
    pub wide: bool,
    /// Batch norm and ReLU on load (3x3 convolution of plain layers).
    pub norm: bool,
    /// Weights from the neighbours' registers (convolutions of the texture family): subgroups of exactly eight only.
    pub shuffle: bool,
}

impl Variant {
    /// A kernel with eight invocations a workgroup and nothing special.
    pub fn plain(kernel: Kernel) -> Variant {
        Variant { kernel, workgroup_size: 8, wide: false, norm: false, shuffle: false }
    }

    /// The shader's text with its imports, ordinary WGSL.
    pub fn source(&self) -> String {
        source::expand(self)
    }

    /// The values of the shader's `override` constants.
    pub fn constants(&self) -> Vec<(&'static str, f64)> {
        let flag = |on: bool| f64::from(u8::from(on));
        let mut constants = Vec::new();
        if self.kernel <= Kernel::Append {
            constants.push(("WORKGROUP_SIZE", f64::from(self.workgroup_size)));
        }
        if matches!(self.kernel, Kernel::Pointwise | Kernel::Convolution3x3) {
            constants.push(("WIDE", flag(self.wide)));
        }
        if matches!(self.kernel, Kernel::Convolution3x3 | Kernel::TextureConvolution3x3) {
            constants.push(("NORM", flag(self.norm)));
        }
        constants
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kernel.name())?;
        for (on, word) in [(self.wide, "+wide"), (self.norm, "+norm"), (self.shuffle, "+shuffle")] {
            if on {
                f.write_str(word)?;
            }
        }
        write!(f, "/{}", self.workgroup_size)
    }
}
