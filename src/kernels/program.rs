//! The program: resources, packed weights, pipelines and dispatches of one forward pass.

use std::fmt;

use super::{AdapterFacts, KernelFamily, PackedWeight, Variant, buffer};
use crate::error::{Error, Result};
use crate::plan::Plan;

/// What activations live in. Another family adds its own kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// A storage buffer.
    Buffer {
        /// For people and labels.
        label: String,
        /// Bytes for one image; a batch takes as many times more.
        bytes_per_image: u64,
    },
}

impl Resource {
    /// Bytes for one image.
    pub fn bytes_per_image(&self) -> u64 {
        match self {
            Resource::Buffer { bytes_per_image, .. } => *bytes_per_image,
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
    /// Workgroups along x and y; images run along z.
    pub grid: [u32; 2],
    /// Multiply-accumulates for one image.
    pub macs: u64,
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
    /// Quads of channels of one image of the whole tensor.
    pub tensor_quads: usize,
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

    /// From the tap's quads of one image, `[C/4, H, W]` of four channels, to planar order `[C, H, W]`.
    pub fn unpack(&self, quads: &[f32]) -> Vec<f32> {
        let pixels = self.height * self.width;
        let mut planar = vec![0.0; self.channels() * pixels];
        for (padded, channel) in self.channel_map.iter().enumerate() {
            if let Some(channel) = channel {
                let quad = &quads[padded / 4 * pixels * 4..][..pixels * 4];
                let plane = &mut planar[channel * pixels..][..pixels];
                for (value, texel) in plane.iter_mut().zip(quad.chunks_exact(4)) {
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
    /// Index of the resource that takes the images, planar NCHW f32.
    pub input: usize,
    /// Where the result is.
    pub output: TapSource,
}

impl Program {
    /// Lowers a plan to a kernel family.
    ///
    /// # Errors
    /// [`Error::Limit`] where a resource, a weight or a grid passes a limit of the adapter.
    pub fn lower(plan: &Plan, family: KernelFamily, facts: &AdapterFacts) -> Result<Program> {
        let program = match family {
            KernelFamily::Buffer => buffer::lower(plan, facts),
        };
        program.check(facts)?;
        Ok(program)
    }

    /// The most images that one pass can take under the adapter's limits, at most `wanted`; 0 where not even one fits.
    pub fn largest_batch(&self, wanted: usize, facts: &AdapterFacts) -> usize {
        let limits = &facts.limits;
        let most = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let largest = self.resources.iter().map(|resource| resource.bytes_per_image()).max().unwrap_or(1).max(1);
        let images = (most / largest).min(u64::from(limits.max_compute_workgroups_per_dimension));
        wanted.min(usize::try_from(images).unwrap_or(usize::MAX))
    }

    /// Bytes of all activations of one pass: what a session allocates for them.
    pub fn activation_bytes(&self) -> u64 {
        self.resources.iter().map(|resource| resource.bytes_per_image() * self.batch as u64).sum()
    }

    fn check(&self, facts: &AdapterFacts) -> Result<()> {
        let limits = &facts.limits;
        let exceeds = |what: &str, limit: &'static str, need: u64, have: u64, remedy: &str| {
            if need <= have {
                return Ok(());
            }
            Err(Error::Limit { what: what.to_string(), limit, need, have, remedy: remedy.to_string() })
        };
        for resource in &self.resources {
            let Resource::Buffer { label, bytes_per_image } = resource;
            let what = format!("'{label}' for {} images", self.batch);
            let need = bytes_per_image * self.batch as u64;
            let remedy = "use a smaller input size or batch";
            let have = limits.max_storage_buffer_binding_size;
            exceeds(&what, "max_storage_buffer_binding_size", need, have, remedy)?;
            exceeds(&what, "max_buffer_size", need, limits.max_buffer_size, remedy)?;
        }
        let groups = u64::from(limits.max_compute_workgroups_per_dimension);
        for dispatch in &self.dispatches {
            let need = u64::from(dispatch.grid[0].max(dispatch.grid[1])).max(self.batch as u64);
            let remedy = "use a smaller input size or batch";
            exceeds(&dispatch.name, "max_compute_workgroups_per_dimension", need, groups, remedy)?;
        }
        for variant in &self.variants {
            let need = u64::from(variant.workgroup_size);
            let have = u64::from(limits.max_compute_invocations_per_workgroup);
            let remedy = "this adapter is below WebGPU's guarantees";
            exceeds(&variant.to_string(), "max_compute_invocations_per_workgroup", need, have, remedy)?;
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
            let [x, y] = dispatch.grid;
            let variant = self.variants[dispatch.variant].to_string();
            writeln!(
                f,
                "{index:4}  {:<42} {variant:<22} r{} -> r{}  grid {x}x{y}x{}",
                dispatch.name, dispatch.source, dispatch.destination, self.batch
            )?;
        }
        Ok(())
    }
}
