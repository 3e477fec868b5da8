//! From a plan to a program: every step's kernel decides its variant, parameters, grid and weights; the rest is collecting.

mod assemble;
mod limits;
mod lower;
mod step;

pub(super) use assemble::Family;
pub use lower::Alternative;
pub(super) use step::{Extent, Geometry, LOWEST, Lowered, floor};
