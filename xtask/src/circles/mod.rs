//! Which files of a crate need each other.
//!
//! File A **needs** file B where A names an item that B defines (a type, function, constant, trait or macro), by `use`
//! or by an inline path. Re-exports are followed to the file that defines the item, so `pub use` and `mod` lines are
//! no need themselves. `#[cfg(test)]` code is left out. Methods are not names: a call `x.method()` counts for nothing,
//! `Type::method` counts for the file of `Type`.
//!
//! `tree` reads a crate's modules, `resolve` finds what a path means, `needs` walks the code, `graph` finds the circles, and
//! `check` reports them.

mod check;
mod graph;
mod needs;
mod resolve;
mod tree;

pub(crate) use check::{check, print_arrows};

#[cfg(test)]
mod tests;
