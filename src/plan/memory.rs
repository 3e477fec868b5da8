//! Memory reuse: tensors whose lifetimes do not overlap share one memory.
//!
//! Greedy in execution order: a tensor takes the free memory that fits it best. The block tensors of a DenseNet then
//! alternate between two memories, and every bottleneck reuses the memory of an earlier one.

use super::tensor::{PlanTensor, TensorKind};

/// Sets `memory` of every tensor. Lifetimes must be final.
pub(super) fn assign(tensors: &mut [PlanTensor]) {
    struct Memory {
        elements: usize,
        free_after: usize,
        reusable: bool,
        vectors: bool,
    }
    let mut memories: Vec<Memory> = Vec::new();
    for tensor in tensors.iter_mut() {
        let need = tensor.elements();
        let (first, last) = tensor.lifetime;
        // The host writes the input and reads the output, so neither is shared. Vectors and feature maps may be different
        // kinds of resources, so they do not share with each other.
        let reusable = tensor.kind == TensorKind::Internal;
        let best = memories
            .iter()
            .enumerate()
            .filter(|(_, memory)| {
                reusable && memory.reusable && memory.vectors == tensor.is_vector && memory.free_after < first
            })
            // The one that must grow least, then the one that wastes least.
            .min_by_key(|(_, memory)| (need.saturating_sub(memory.elements), memory.elements.saturating_sub(need)))
            .map(|(index, _)| index);
        let index = best.unwrap_or_else(|| {
            memories.push(Memory { elements: 0, free_after: 0, reusable, vectors: tensor.is_vector });
            memories.len() - 1
        });
        let memory = &mut memories[index];
        memory.elements = memory.elements.max(need);
        memory.free_after = last;
        tensor.memory = index;
    }
}

/// Elements of each memory for one image: the largest of the tensors in it.
pub(super) fn sizes(tensors: &[PlanTensor]) -> Vec<usize> {
    let count = tensors.iter().map(|tensor| tensor.memory + 1).max().unwrap_or(0);
    let mut sizes = vec![0; count];
    for tensor in tensors {
        sizes[tensor.memory] = sizes[tensor.memory].max(tensor.elements());
    }
    sizes
}
