//! What a program takes on the device, known before there are any weights.

use super::facts::DeviceLimits;
use super::packing::Shapes;
use super::program::{Program, Resource};
use super::weight_layout::WeightLayout;
use crate::architecture::Architecture;
use crate::error::Result;

/// Staging buffers of a session: one for each pass that may be in flight.
pub const STAGING_BUFFERS: usize = 2;

/// Bytes on the device of a model and a session without taps. Drivers may pad each buffer and texture further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Packed weights, with padding.
    pub weights: u64,
    /// The part of `weights` that lies between arrays, and beside them in textures.
    pub weight_padding: u64,
    /// Activations of a pass.
    pub activations: u64,
    /// The uniform buffer.
    pub parameters: u64,
    /// The buffers that results are read back through.
    pub staging: u64,
}

impl Footprint {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights + self.activations + self.parameters + self.staging
    }
}

impl Program {
    /// What a model of `architecture` and a session that runs this program take under `limits`.
    ///
    /// # Errors
    /// [`crate::Error::Architecture`] for an impossible network, [`crate::Error::Weights`] if the program belongs to another.
    pub fn footprint(&self, architecture: &Architecture, limits: &DeviceLimits) -> Result<Footprint> {
        let parameters = architecture.parameters()?.into_iter();
        let shapes = Shapes::new(parameters.map(|parameter| (parameter.name, parameter.shape)));
        let elements =
            self.weights.iter().map(|array| array.packing.elements(&shapes)).collect::<Result<Vec<usize>>>()?;
        let arrays = || self.weights.iter().zip(elements.iter().copied());
        let weights = WeightLayout::new(arrays(), limits).bytes();
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
            let shapes = Shapes::new(architecture.parameters().unwrap().into_iter().map(|p| (p.name, p.shape)));
            let plan = Plan::new(&architecture, InputSize::square(64), 1).unwrap();
            for kind in [AdapterKind::Software, AdapterKind::Discrete] {
                for kernels in [
                    Kernels::from(KernelFamily::Buffer),
                    Kernels::new(KernelFamily::Buffer, Precision::F16).unwrap(),
                    Kernels::from(KernelFamily::Texture),
                ] {
                    let program = Program::lower(&plan, kernels, &facts(kind)).unwrap();
                    for array in &program.weights {
                        let values = array.pack(&weights).unwrap();
                        assert_eq!(array.packing.elements(&shapes).unwrap(), values.len(), "{}", array.label);
                        assert_eq!(array.bytes(values.len()), array.encode(&values).len() as u64);
                    }
                }
            }
        }
    }
}
