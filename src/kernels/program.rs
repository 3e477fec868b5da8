//! The program: resources, packed weights, pipelines and dispatches of one forward pass. Plain data.

use std::fmt;

use super::family::KernelFamily;
use super::layer::Layer;
use super::packing::PackedWeight;
use super::panels::Panels;
use super::variant::Variant;

/// Memory for activations, of the whole batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// A storage buffer.
    Buffer {
        /// A name for people and for the debugger.
        label: String,
        /// Its size.
        bytes: u64,
    },
    /// A two-dimensional rgba32float texture.
    Texture {
        /// A name for people and for the debugger.
        label: String,
        /// Texels of a row.
        width: u32,
        /// Rows.
        height: u32,
    },
}

impl Resource {
    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        match self {
            Resource::Buffer { bytes, .. } => *bytes,
            Resource::Texture { width, height, .. } => u64::from(*width) * u64::from(*height) * 16,
        }
    }
}

/// The axis along which a dispatch's images run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    /// Along z, one layer of workgroups per image.
    AlongZ,
    /// Along x: the pixels of all images one after another.
    AlongX {
        /// Pixels of one image.
        pixels: u32,
        /// Pixels of one workgroup.
        per_group: u32,
    },
}

/// Workgroups of a dispatch, for any number of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Along x, if images run along z.
    pub x: u32,
    /// Along y.
    pub y: u32,
    /// The axis of the images.
    pub images: Images,
}

impl Grid {
    /// Workgroups for `count` images.
    pub fn workgroups(&self, count: u32) -> [u32; 3] {
        match self.images {
            Images::AlongZ => [self.x, self.y, count],
            // A saturated number exceeds every limit.
            Images::AlongX { pixels, per_group } => [pixels.saturating_mul(count).div_ceil(per_group), self.y, 1],
        }
    }
}

/// One dispatch. Binding 0 is its parameters, 1 its source, 2 its destination; the packed weights follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// The name of the plan's step.
    pub name: String,
    /// The layer, if its variant was chosen by it.
    pub layer: Option<Layer>,
    /// Index into [`Program::variants`].
    pub variant: usize,
    /// Index into [`Program::resources`]: bound read-only.
    pub source: usize,
    /// Index into [`Program::resources`]: bound read-write.
    pub destination: usize,
    /// Indices into [`Program::weights`].
    pub weights: Vec<usize>,
    /// The uniform buffer's content.
    pub params: Vec<u8>,
    /// Its workgroups.
    pub grid: Grid,
    /// Multiply-accumulates for one image.
    pub macs: u64,
}

/// How a tensor lies in its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapPlace {
    /// In a buffer, as `[N, C/4, H, W]` of four channels.
    Buffer {
        /// Quads of channels of the whole tensor.
        tensor_quads: usize,
    },
    /// In a texture.
    Texture(Panels),
}

/// Where a tap's values are, in the family's layout.
#[derive(Clone, Debug, PartialEq)]
pub struct TapSource {
    /// The tap's name.
    pub name: String,
    /// Index into [`Program::dispatches`]: after this dispatch they are there.
    pub dispatch: usize,
    /// Index into [`Program::resources`].
    pub resource: usize,
    /// How the whole tensor lies in it.
    pub place: TapPlace,
    /// First quad of the tap.
    pub first_quad: usize,
    /// For each padded channel, which of the tap's channels it is.
    pub channel_map: Vec<Option<usize>>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl TapSource {
    /// Channels, without padding.
    pub fn channels(&self) -> usize {
        self.channel_map.iter().flatten().count()
    }

    /// Quads of channels, with padding.
    pub fn quads(&self) -> usize {
        self.channel_map.len() / 4
    }

    /// Bytes from one texture row to the next when copied to a buffer: WebGPU requires multiples of 256.
    pub fn row_bytes(&self) -> usize {
        (self.width * 16).next_multiple_of(256)
    }

    /// Bytes of one image of the tap as it is read back.
    pub fn bytes(&self) -> usize {
        match self.place {
            TapPlace::Buffer { .. } => self.channel_map.len() * self.height * self.width * 4,
            TapPlace::Texture(_) => self.height * self.quads() * self.row_bytes(),
        }
    }

    /// One image as it was read back, in planar order `[C, H, W]`.
    pub fn unpack(&self, image: &[f32]) -> Vec<f32> {
        let (height, width) = (self.height, self.width);
        let mut planar = vec![0.0; self.channels() * height * width];
        for (padded, channel) in self.channel_map.iter().enumerate() {
            let Some(channel) = channel else { continue };
            for y in 0..height {
                let start = match self.place {
                    TapPlace::Buffer { .. } => (padded / 4 * height + y) * width * 4,
                    TapPlace::Texture(_) => (y * self.quads() + padded / 4) * self.row_bytes() / 4,
                };
                let row = &mut planar[(channel * height + y) * width..][..width];
                for (value, texel) in row.iter_mut().zip(image[start..].chunks_exact(4)) {
                    *value = texel[padded % 4];
                }
            }
        }
        planar
    }
}

/// What a device executes for one forward pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The kernel family.
    pub family: KernelFamily,
    /// Images of one pass.
    pub batch: usize,
    /// Activations.
    pub resources: Vec<Resource>,
    /// Packed weights; they depend neither on batch nor on size.
    pub weights: Vec<PackedWeight>,
    /// Distinct pipelines.
    pub variants: Vec<Variant>,
    /// Dispatches in order.
    pub dispatches: Vec<Dispatch>,
    /// Every value that can be read back.
    pub taps: Vec<TapSource>,
    /// Index of the resource that holds the images.
    pub input: usize,
    /// Where the images' rows are in their texture; `None` if they are in a buffer, as planar NCHW f32.
    pub input_panels: Option<Panels>,
    /// Where the result is.
    pub output: TapSource,
}

impl Program {
    /// Bytes of all activations of one pass, as a session allocates them.
    pub fn activation_bytes(&self) -> u64 {
        self.resources.iter().map(Resource::bytes).sum()
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} kernels, {} pipelines, {} dispatches, {} activation bytes",
            self.family,
            self.variants.len(),
            self.dispatches.len(),
            self.activation_bytes()
        )?;
        for (index, dispatch) in self.dispatches.iter().enumerate() {
            let [x, y, z] = dispatch.grid.workgroups(self.batch as u32);
            let variant = self.variants[dispatch.variant].to_string();
            writeln!(
                f,
                "{index:4}  {:<42} {variant:<22} r{} -> r{}  grid {x}x{y}x{z}",
                dispatch.name, dispatch.source, dispatch.destination
            )?;
        }
        Ok(())
    }
}
