//! PyTorch's files: zips (1.6 and later) and legacy pickle streams. A pickle is data here: its instructions build names,
//! numbers and shapes, and nothing in it is ever executed.

mod archive;
mod found;
mod machine;
mod memory;
mod outline;
mod read;
mod script;
mod storage;
mod views;
mod weigh;

pub(super) use read::read;

#[cfg(test)]
mod tests;
