//! Canonical names for the tensors of a head.

use super::pieces::{Kind, Module};
use crate::architecture::{Architecture, Head, Part};

/// What becomes of the tensors.
#[derive(Debug, Default, PartialEq)]
pub(in crate::weights) struct Placed {
    /// Entries and their canonical names.
    pub(in crate::weights) names: Vec<(usize, String)>,
    /// Entries of 1x1 convolutions, to be read as matrices.
    pub(in crate::weights) matrices: Vec<usize>,
    /// Tensors that the file leaves out: names, lengths, and the value of each element. Every linear layer has a bias here, every
    /// batch norm a weight and a bias.
    pub(in crate::weights) made: Vec<(String, usize, f32)>,
}

/// Names the tensors of `modules`, which are those of the head's layers with parameters, in its order.
pub(super) fn place(trunk: &Architecture, head: &Head, modules: &[&Module]) -> Result<Placed, String> {
    let network = Architecture { head: head.clone(), ..trunk.clone() };
    network.validate().map_err(|e| e.to_string())?;
    let Some(Part::Head(part)) = network.parts().last() else { return Ok(Placed::default()) };
    let branches = part.branches.iter().flat_map(|(_, layers)| layers);
    let layers = part.layers.iter().chain(branches).filter(|layer| layer.layer.has_parameters());
    let mut placed = Placed::default();
    for (layer, module) in layers.zip(modules) {
        let name = |leaf: &str| format!("{}.{leaf}", layer.name);
        placed.names.extend(module.tensors.iter().map(|&(entry, leaf)| (entry, name(leaf))));
        let has = |leaf: &str| module.tensors.iter().any(|&(_, own)| own == leaf);
        if module.convolution {
            placed
                .matrices
                .extend(module.tensors.iter().filter(|(_, leaf)| *leaf == "weight").map(|(entry, _)| *entry));
        }
        let length = module.outputs(layer.inputs);
        if !has("weight") && matches!(module.kind, Kind::Norm { .. }) {
            placed.made.push((name("weight"), length, 1.0));
        }
        if !has("bias") {
            placed.made.push((name("bias"), length, 0.0));
        }
    }
    Ok(placed)
}
