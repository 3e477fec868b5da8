//! The program: resources, packed weights, pipelines and dispatches of one forward pass.

use std::fmt;

use super::texture::{self, Panels};
use super::{AdapterFacts, Binding, KernelFamily, Kernels, PackedWeight, Variant, buffer, lowering};
use crate::error::{Error, Result};
use crate::plan::{MAX_IMAGES, Plan};

/// What activations live in, for the whole batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// A storage buffer.
    Buffer {
        /// For people and labels.
        label: String,
        /// Its size.
        bytes: u64,
    },
    /// A two-dimensional rgba32float texture.
    Texture {
        /// For people and labels.
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
    /// One layer of workgroups an image.
    AlongZ,
    /// Along x, the pixels of all images behind one another: so many pixels an image, so many a workgroup.
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
    /// Along x, where images run along z.
    pub x: u32,
    /// Along y.
    pub y: u32,
    /// Where the images run.
    pub images: Images,
}

impl Grid {
    /// Workgroups for `count` images.
    pub fn workgroups(&self, count: u32) -> [u32; 3] {
        match self.images {
            Images::AlongZ => [self.x, self.y, count],
            // What saturates is beyond every limit.
            Images::AlongX { pixels, per_group } => [pixels.saturating_mul(count).div_ceil(per_group), self.y, 1],
        }
    }
}

/// One dispatch. Binding 0 is its parameters, 1 its source, 2 its destination, the packed weights follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// The plan's step.
    pub name: String,
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
    /// Workgroups.
    pub grid: Grid,
    /// Multiply-accumulates for one image.
    pub macs: u64,
}

/// How a tensor lies in its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapPlace {
    /// `[N, C/4, H, W]` of four channels.
    Buffer {
        /// Quads of channels of the whole tensor.
        tensor_quads: usize,
    },
    /// Image rows as groups of C/4 texture rows, in panels.
    Texture(Panels),
}

/// Where a tap's values are, in the family's layout.
#[derive(Clone, Debug, PartialEq)]
pub struct TapSource {
    /// The tap's name.
    pub name: String,
    /// Index into [`Program::dispatches`] after which they are there.
    pub dispatch: usize,
    /// Index into [`Program::resources`].
    pub resource: usize,
    /// How the whole tensor lies in it.
    pub place: TapPlace,
    /// First quad of the tap.
    pub first_quad: usize,
    /// For each padded channel of the tap, which of its channels it is.
    pub channel_map: Vec<Option<usize>>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl TapSource {
    /// Channels that mean something.
    pub fn channels(&self) -> usize {
        self.channel_map.iter().flatten().count()
    }

    /// Quads of the tap.
    pub fn quads(&self) -> usize {
        self.channel_map.len() / 4
    }

    /// Bytes between the rows of a texture as it is copied to a buffer: WebGPU wants multiples of 256.
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

    /// From one image as it is read back to planar order `[C, H, W]`.
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
    /// Everything that can be looked at.
    pub taps: Vec<TapSource>,
    /// Index of the resource that takes the images.
    pub input: usize,
    /// Where the images' rows are in the texture that takes them; none where a buffer takes them, planar NCHW f32.
    pub input_panels: Option<Panels>,
    /// Where the result is.
    pub output: TapSource,
}

impl Program {
    /// Lowers a plan to a kernel family.
    ///
    /// # Errors
    /// [`Error::Limit`] where a resource, a weight or a grid passes a limit of the adapter.
    pub fn lower(plan: &Plan, kernels: impl Into<Kernels>, facts: &AdapterFacts) -> Result<Program> {
        let Kernels { family, precision } = kernels.into();
        let program = match family {
            KernelFamily::Buffer => lowering::assemble(plan, &buffer::Buffers::of(facts, precision)),
            KernelFamily::Texture => lowering::assemble(plan, &texture::Textures::of(facts)),
        };
        program.check(facts)?;
        Ok(program)
    }

    /// Lowers with as many images a pass as the adapter's limits allow, at most `wanted`; `plan` plans a pass of so many.
    ///
    /// # Errors
    /// [`Error::Limit`] where not even one image fits, and what `plan` says.
    pub fn lower_within(
        plan: impl Fn(usize) -> Result<Plan>,
        wanted: usize,
        kernels: impl Into<Kernels>,
        facts: &AdapterFacts,
    ) -> Result<Program> {
        let kernels = kernels.into();
        let lower = |batch| Program::lower(&plan(batch)?, kernels, facts);
        let wanted = wanted.min(MAX_IMAGES);
        match lower(wanted) {
            Err(Error::Limit { .. }) => {}
            done => return done,
        }
        // The largest batch that fits lies between one that does and one that does not.
        let (mut best, mut fits, mut fails) = (lower(1)?, 1, wanted);
        while fails - fits > 1 {
            let middle = fits + (fails - fits) / 2;
            match lower(middle) {
                Ok(program) => (best, fits) = (program, middle),
                Err(_) => fails = middle,
            }
        }
        Ok(best)
    }

    /// Bytes of all activations of one pass: what a session allocates for them.
    pub fn activation_bytes(&self) -> u64 {
        self.resources.iter().map(Resource::bytes).sum()
    }

    fn check(&self, facts: &AdapterFacts) -> Result<()> {
        let limits = &facts.limits;
        let exceeds = |what: &str, limit: &'static str, need: u64, have: u64, remedy: &str| {
            if need <= have {
                return Ok(());
            }
            Err(Error::Limit { what: what.to_string(), limit, need, have, remedy: remedy.to_string() })
        };
        let remedy = "use a smaller input size or batch";
        for resource in &self.resources {
            match resource {
                Resource::Buffer { label, bytes } => {
                    let what = format!("the memory '{label}' of a batch of {}", self.batch);
                    let most = limits.max_storage_buffer_binding_size;
                    exceeds(&what, "max_storage_buffer_binding_size", *bytes, most, remedy)?;
                    exceeds(&what, "max_buffer_size", *bytes, limits.max_buffer_size, remedy)?;
                }
                Resource::Texture { label, width, height } => {
                    let what = format!("the memory '{label}' of a batch of {}", self.batch);
                    let (need, most) = (u64::from(*width.max(height)), u64::from(limits.max_texture_dimension_2d));
                    exceeds(&what, "max_texture_dimension_2d", need, most, remedy)?;
                }
            }
        }
        let groups = u64::from(limits.max_compute_workgroups_per_dimension);
        for dispatch in &self.dispatches {
            let need = dispatch.grid.workgroups(self.batch as u32).into_iter().max().unwrap_or(0);
            exceeds(&dispatch.name, "max_compute_workgroups_per_dimension", need.into(), groups, remedy)?;
        }
        let remedy = "this adapter is below WebGPU's guarantees";
        for variant in &self.variants {
            let what = variant.to_string();
            let count = |kind: Binding| variant.kernel.bindings().iter().filter(|&&b| b == kind).count() as u64;
            let buffers = count(Binding::ReadBuffer) + count(Binding::WriteBuffer);
            let most = u64::from(limits.max_storage_buffers_per_shader_stage);
            exceeds(&what, "max_storage_buffers_per_shader_stage", buffers, most, remedy)?;
            let textures = count(Binding::ReadTexture) + count(Binding::WriteTexture);
            let most = u64::from(limits.max_storage_textures_per_shader_stage);
            exceeds(&what, "max_storage_textures_per_shader_stage", textures, most, remedy)?;
            let need = u64::from(variant.workgroup_size);
            let have = u64::from(limits.max_compute_invocations_per_workgroup);
            exceeds(&what, "max_compute_invocations_per_workgroup", need, have, remedy)?;
        }
        Ok(())
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
