//! What a program takes on the device, known before there are any weights.

use std::collections::HashMap;

use super::pack::{TEXTURE_ROW, TILE};
use super::{DeviceLimits, PackedWeight, Packing, Program, Resource, Storage, texture::not_a_power_of_two};
use crate::architecture::Architecture;
use crate::error::{Error, Result};

/// Staging buffers of a session: one for each pass that may be in flight.
pub const STAGING_BUFFERS: usize = 2;

/// Larger buffers of weights would gain nothing and may find no room in one piece.
const BUFFER_BYTES: u64 = 64 << 20;

/// Bytes on the device of a model and a session without taps. Drivers may pad each buffer and texture further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Packed weights, their padding included.
    pub weights: u64,
    /// Of the weights, what lies between arrays and beside them in textures.
    pub weight_padding: u64,
    /// Activations of a pass.
    pub activations: u64,
    /// The uniform buffer.
    pub parameters: u64,
    /// Where results are read back.
    pub staging: u64,
}

impl Footprint {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights + self.activations + self.parameters + self.staging
    }
}

/// Where a packed array is on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A part of a buffer that others share.
    Buffer { index: usize, offset: u64, bytes: u64 },
    /// A texture of its own.
    Texture(WeightTexture),
}

/// A texture with the panels that fill it, side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WeightTexture {
    /// Which of all textures it is.
    pub(crate) index: usize,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Texels of a panel's row.
    pub(crate) row: u32,
    /// Rows of a panel; the last may have fewer.
    pub(crate) panel_rows: u32,
}

/// Where packed arrays are, in their order, and the sizes of the buffers that they share.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) places: Vec<Place>,
    pub(crate) buffers: Vec<u64>,
}

impl Layout {
    /// Arrays of so many elements each, one behind another at offsets that may be bound.
    pub(crate) fn new<'a>(arrays: impl Iterator<Item = (&'a PackedWeight, usize)>, limits: &DeviceLimits) -> Layout {
        let alignment = u64::from(limits.min_storage_buffer_offset_alignment).max(16);
        let most = BUFFER_BYTES.min(limits.max_buffer_size);
        let (mut layout, mut textures) = (Layout::default(), 0);
        for (array, elements) in arrays {
            if let Storage::Texture { width: row, rows: panel_rows } = array.packing.storage() {
                let rows = (elements / 4) as u32 / row;
                layout.places.push(Place::Texture(WeightTexture {
                    index: textures,
                    width: not_a_power_of_two(row * rows.div_ceil(panel_rows)),
                    height: not_a_power_of_two(rows.min(panel_rows)),
                    row,
                    panel_rows,
                }));
                textures += 1;
                continue;
            }
            let bytes = array.bytes(elements);
            let behind = layout.buffers.last().map(|size| size.next_multiple_of(alignment));
            let offset = behind.filter(|offset| offset + bytes <= most).unwrap_or_else(|| {
                layout.buffers.push(0);
                0
            });
            let index = layout.buffers.len() - 1;
            layout.buffers[index] = offset + bytes;
            layout.places.push(Place::Buffer { index, offset, bytes });
        }
        layout
    }

    /// Bytes of all buffers and textures.
    pub(crate) fn bytes(&self) -> u64 {
        let texture = |place: &Place| match place {
            Place::Texture(picture) => u64::from(picture.width) * u64::from(picture.height) * 16,
            Place::Buffer { .. } => 0,
        };
        self.buffers.iter().sum::<u64>() + self.places.iter().map(texture).sum::<u64>()
    }
}

impl Program {
    /// What a model of `architecture` and a session that runs this program take under `limits`.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network, [`Error::Weights`] where the program is not of `architecture`.
    pub fn footprint(&self, architecture: &Architecture, limits: &DeviceLimits) -> Result<Footprint> {
        let parameters = architecture.parameters()?.into_iter().map(|parameter| (parameter.name, parameter.shape));
        let shapes: HashMap<String, Vec<usize>> = parameters.collect();
        let elements =
            self.weights.iter().map(|array| array.packing.elements(&shapes)).collect::<Result<Vec<usize>>>()?;
        let arrays = || self.weights.iter().zip(elements.iter().copied());
        let weights = Layout::new(arrays(), limits).bytes();
        let stored = arrays().map(|(array, elements)| array.bytes(elements)).sum::<u64>();
        Ok(Footprint {
            weights,
            weight_padding: weights - stored,
            activations: self.resources.iter().map(Resource::bytes).sum(),
            parameters: (self.parameter_stride(limits) * self.dispatches.len()) as u64,
            staging: (STAGING_BUFFERS * self.batch * self.output.bytes()) as u64,
        })
    }

    /// Bytes from one dispatch's parameters to the next in the uniform buffer.
    pub(crate) fn parameter_stride(&self, limits: &DeviceLimits) -> usize {
        let longest = self.dispatches.iter().map(|dispatch| dispatch.params.len()).max().unwrap_or(0);
        longest.next_multiple_of(limits.min_uniform_buffer_offset_alignment as usize)
    }
}

impl Packing {
    /// Elements of the array, for parameters of these shapes.
    fn elements(&self, shapes: &HashMap<String, Vec<usize>>) -> Result<usize> {
        let shape = |name: &str| {
            let known = shapes.get(name).map(Vec::as_slice);
            known.ok_or_else(|| Error::Weights(format!("this network has no tensor '{name}'")))
        };
        // A tile's texels hold 4 values for each of its 8 quads of outputs and 4 inputs.
        let texels = |outputs: usize, inputs: usize, bias: bool| {
            outputs.div_ceil(TEXTURE_ROW) * (inputs + if bias { 4 } else { 0 }) * TEXTURE_ROW
        };
        Ok(match self {
            Packing::Tiles { weight, inputs, .. } => {
                let shape = shape(weight)?;
                shape[0].next_multiple_of(TILE) * inputs.len() * shape[2] * shape[3]
            }
            Packing::StemTiles { weight, .. } => {
                let shape = shape(weight)?;
                shape[0].next_multiple_of(TILE) * shape[1] * shape[2] * shape[3]
            }
            Packing::Bias { weight, .. } => shape(weight)?[0].next_multiple_of(TILE),
            Packing::Norm { inputs, .. } | Packing::TextureNorm { inputs, .. } => 2 * inputs.len(),
            Packing::TextureTiles { weight, inputs, bias, .. } => {
                let shape = shape(weight)?;
                texels(shape[0], shape[2] * shape[3] * inputs.len(), *bias)
            }
            Packing::Linear { weight, inputs } => shape(weight)?[0].next_multiple_of(4) * inputs.len(),
            Packing::Vector { name } => shape(name)?[0].next_multiple_of(4),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::{InputSize, Recipe};
    use crate::kernels::{AdapterFacts, AdapterKind, KernelFamily, Kernels};
    use crate::plan::Plan;
    use crate::precision::Precision;
    use crate::weights::Weights;

    fn facts(kind: AdapterKind) -> AdapterFacts {
        AdapterFacts {
            name: String::new(),
            kind,
            backend: String::new(),
            driver: String::new(),
            limits: DeviceLimits::default(),
            subgroups: true,
            subgroup_min: 8,
            subgroup_max: 8,
            shader_f16: false,
            timestamps: false,
        }
    }

    #[test]
    fn sizes_are_known_without_values() {
        let odd = Recipe { classes: Some(7), ..Recipe::imagenet(5, &[2, 3]) }.build("odd");
        let plain = Recipe { bottleneck_factor: None, classes: None, ..Recipe::imagenet(12, &[2, 1]) }.build("plain");
        for architecture in [odd, plain, Architecture::preset("densenet-40-12").unwrap()] {
            let weights = Weights::random(&architecture, 0).unwrap();
            let shapes = architecture.parameters().unwrap().into_iter().map(|p| (p.name, p.shape)).collect();
            let plan = Plan::new(&architecture, InputSize::square(64), 1).unwrap();
            for kind in [AdapterKind::Software, AdapterKind::Discrete] {
                for (family, precision) in [
                    (KernelFamily::Buffer, Precision::F32),
                    (KernelFamily::Buffer, Precision::F16),
                    (KernelFamily::Texture, Precision::F32),
                ] {
                    let program = Program::lower(&plan, Kernels { family, precision }, &facts(kind)).unwrap();
                    for array in &program.weights {
                        let values = array.pack(&weights).unwrap();
                        assert_eq!(array.packing.elements(&shapes).unwrap(), values.len(), "{}", array.label);
                        assert_eq!(array.bytes(values.len()), array.encode(&values).len() as u64);
                    }
                }
            }
        }
    }

    #[test]
    fn arrays_share_buffers_at_offsets_that_can_be_bound() {
        let array =
            PackedWeight { label: String::new(), half: false, packing: Packing::Vector { name: String::new() } };
        let limits = DeviceLimits { max_buffer_size: 1024, ..DeviceLimits::default() };
        let layout = Layout::new([10, 100, 70].into_iter().map(|elements| (&array, elements)), &limits);
        let place = |index, offset, bytes| Place::Buffer { index, offset, bytes };
        assert_eq!(layout.places, [place(0, 0, 40), place(0, 256, 400), place(1, 0, 280)]);
        assert_eq!((layout.buffers.as_slice(), layout.bytes()), (&[656, 280][..], 936));
    }
}
