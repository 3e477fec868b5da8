//! Packed weights: recipes that name parameters, and the arrays they yield.
//!
//! A recipe depends on the architecture and the family, never on the batch or the input size, so a new session uploads
//! nothing. The recipes stand in the families' folders; here is what they have in common.

mod array;
mod recipe;
mod values;

pub use array::{PackedWeight, Packing};
pub use recipe::ArrayKind;
pub(super) use recipe::{ChannelMap, Recipe, Shapes};
pub(super) use values::{Filters, bias, folded, norm_quads, padded};
