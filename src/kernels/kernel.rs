//! Kernels and their variants: which file, which bindings, which constants.

use std::fmt;

use super::{KernelFamily, source};

/// The shaders, one a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kernel {
    /// `shaders/buffer/stem.wgsl`
    Stem,
    /// `shaders/buffer/max_pool.wgsl`
    MaxPool,
    /// `shaders/buffer/pointwise.wgsl`
    Pointwise,
    /// `shaders/buffer/pointwise_tiled.wgsl`
    PointwiseTiled,
    /// `shaders/buffer/pointwise_split.wgsl`
    PointwiseSplit,
    /// `shaders/buffer/conv3x3.wgsl`
    Convolution3x3,
    /// `shaders/buffer/conv3x3_tiled.wgsl`
    Convolution3x3Tiled,
    /// `shaders/buffer/conv3x3_split.wgsl`
    Convolution3x3Split,
    /// `shaders/buffer/average_pool.wgsl`
    AveragePool,
    /// `shaders/buffer/global_pool.wgsl`
    GlobalPool,
    /// `shaders/buffer/classifier.wgsl`
    Classifier,
    /// `shaders/buffer/classifier_split.wgsl`
    ClassifierSplit,
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
    pub const ALL: [Kernel; 20] = [
        Kernel::Stem,
        Kernel::MaxPool,
        Kernel::Pointwise,
        Kernel::PointwiseTiled,
        Kernel::PointwiseSplit,
        Kernel::Convolution3x3,
        Kernel::Convolution3x3Tiled,
        Kernel::Convolution3x3Split,
        Kernel::AveragePool,
        Kernel::GlobalPool,
        Kernel::Classifier,
        Kernel::ClassifierSplit,
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
            Kernel::PointwiseTiled => "buffer/pointwise_tiled",
            Kernel::PointwiseSplit => "buffer/pointwise_split",
            Kernel::Convolution3x3 => "buffer/conv3x3",
            Kernel::Convolution3x3Tiled => "buffer/conv3x3_tiled",
            Kernel::Convolution3x3Split => "buffer/conv3x3_split",
            Kernel::AveragePool => "buffer/average_pool",
            Kernel::GlobalPool => "buffer/global_pool",
            Kernel::Classifier => "buffer/classifier",
            Kernel::ClassifierSplit => "buffer/classifier_split",
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
            Kernel::Stem
            | Kernel::Convolution3x3
            | Kernel::Convolution3x3Tiled
            | Kernel::Convolution3x3Split
            | Kernel::Classifier
            | Kernel::ClassifierSplit => &[Uniform, ReadBuffer, WriteBuffer, ReadBuffer, ReadBuffer],
            Kernel::Pointwise | Kernel::PointwiseTiled | Kernel::PointwiseSplit => {
                &[Uniform, ReadBuffer, WriteBuffer, ReadBuffer, ReadBuffer, ReadBuffer]
            }
            Kernel::TextureStem => &[Uniform, ReadTexture, WriteTexture, ReadTexture],
            Kernel::TextureMaxPool | Kernel::TextureAppend => &[Uniform, ReadTexture, WriteTexture],
            Kernel::TextureAveragePool => &[Uniform, ReadTexture, WriteTexture, ReadTexture],
            Kernel::TextureGlobalPool => &[Uniform, ReadTexture, WriteBuffer, ReadTexture],
            Kernel::TexturePointwise | Kernel::TextureConvolution3x3 => {
                &[Uniform, ReadTexture, WriteTexture, ReadTexture, ReadTexture]
            }
        }
    }

    /// The family it belongs to.
    pub fn family(self) -> KernelFamily {
        if self.name().starts_with("texture/") { KernelFamily::Texture } else { KernelFamily::Buffer }
    }

    /// Invocations of a workgroup, where the kernel's text fixes them.
    pub fn fixed_workgroup_size(self) -> Option<u32> {
        match self {
            Kernel::PointwiseTiled
            | Kernel::PointwiseSplit
            | Kernel::Convolution3x3Tiled
            | Kernel::Convolution3x3Split
            | Kernel::ClassifierSplit => Some(64),
            _ if self.family() == KernelFamily::Texture => Some(8),
            _ => None,
        }
    }

    /// Whether lanes may exchange what their registers hold, so that a variant for subgroups exists: weights in the
    /// texture family, partial sums in the kernels that split them.
    pub fn exchanges(self) -> bool {
        matches!(
            self,
            Kernel::PointwiseSplit
                | Kernel::Convolution3x3Split
                | Kernel::TextureStem
                | Kernel::TexturePointwise
                | Kernel::TextureConvolution3x3
        )
    }

    /// Whether the weights may be stored as f16.
    pub fn has_half(self) -> bool {
        self.family() == KernelFamily::Buffer
            && !matches!(self, Kernel::MaxPool | Kernel::AveragePool | Kernel::GlobalPool | Kernel::Append)
    }

    /// Whether a variant for images of at most three channels exists.
    pub fn has_three(self) -> bool {
        self == Kernel::TextureStem
    }

    /// Whether a variant with a pre-activation exists.
    pub fn has_norm(self) -> bool {
        matches!(
            self,
            Kernel::Convolution3x3
                | Kernel::Convolution3x3Tiled
                | Kernel::Convolution3x3Split
                | Kernel::TextureConvolution3x3
        )
    }
}

/// What changes a kernel's code: equal keys share a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Variant {
    /// The shader.
    pub kernel: Kernel,
    /// Invocations of a workgroup, all along x.
    pub workgroup_size: u32,
    /// Batch norm and ReLU on load (3x3 convolution of plain layers).
    pub norm: bool,
    /// Images of at most three channels (stem of the texture family).
    pub three: bool,
    /// Weights stored as f16.
    pub half: bool,
    /// Lanes of the subgroups that exchange registers; 0 where none do. With any other number of lanes such a variant
    /// gives wrong values.
    pub subgroup: u32,
}

impl Variant {
    /// A kernel with nothing special.
    pub fn plain(kernel: Kernel) -> Variant {
        let workgroup_size = kernel.fixed_workgroup_size().unwrap_or(8);
        Variant { kernel, workgroup_size, norm: false, three: false, half: false, subgroup: 0 }
    }

    /// The shader's text with its imports, ordinary WGSL.
    pub fn source(&self) -> String {
        source::expand(self)
    }

    /// The values of the shader's `override` constants.
    pub fn constants(&self) -> Vec<(&'static str, f64)> {
        let mut constants = Vec::new();
        if self.kernel.fixed_workgroup_size().is_none() {
            constants.push(("WORKGROUP_SIZE", f64::from(self.workgroup_size)));
        }
        if self.kernel.has_norm() {
            constants.push(("NORM", f64::from(u8::from(self.norm))));
        }
        if self.kernel.has_three() {
            constants.push(("THREE", f64::from(u8::from(self.three))));
        }
        // The texture family's exchanges are written for eight lanes.
        if self.subgroup > 0 && self.kernel.family() == KernelFamily::Buffer {
            constants.push(("SUBGROUP", f64::from(self.subgroup)));
        }
        constants
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kernel.name())?;
        for (on, word) in
            [(self.norm, "+norm"), (self.three, "+three"), (self.half, "+f16"), (self.subgroup > 0, "+subgroup")]
        {
            if on {
                f.write_str(word)?;
            }
        }
        write!(f, "/{}", self.workgroup_size)
    }
}
