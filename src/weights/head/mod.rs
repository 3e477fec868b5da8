//! The layers behind the last batch norm, in files that hold parameters alone.
//!
//! Such a file tells shapes and names, not what stood between. The way from one to the other has steps, each in a file of its
//! own:
//!
//! 1. `modules` gathers the tensors outside of the DenseNet into layers.
//! 2. `tree` hangs them up by their names; `arrange` looks for orders in which widths fit, side by side or one behind the other.
//! 3. `front` says what stands between the last batch norm and the first of them, `between` what stands between two: the likeliest,
//!    with a list of what was assumed. Or `spec` is what somebody stated, and `fit` compares.
//! 4. `place` gives the tensors their canonical names.
//!
//! `question` is what is asked and answered; `layout` holds the layers and looks for their orders, `likeliest` reads one, and `read` leads
//! through all. What no reading is likeliest for is refused, with the option that states it.

mod arrange;
mod before;
mod between;
mod fit;
mod front;
mod layout;
mod likeliest;
mod modules;
mod pieces;
mod place;
mod question;
mod read;
mod spec;
mod tree;

pub(super) use question::Question;
pub(super) use read::read;
pub use spec::HeadSpec;

#[cfg(test)]
mod tests;
