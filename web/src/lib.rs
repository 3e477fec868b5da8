//! The web package: classifiers for JavaScript. `cargo xtask web --build` makes it.
//!
//! It only translates. What is asked of JavaScript's values is in `source` (weights), `image` (pictures) and `options`; what
//! goes back is in `answer` and `failure`; `network` holds the library's classifier;
//! `classifier` is the class that JavaScript sees.
#![cfg(target_arch = "wasm32")]

mod abort;
mod adapter;
mod answer;
mod browser;
mod cache;
mod classifier;
mod failure;
mod image;
#[cfg(feature = "gpu")]
mod memory;
mod network;
mod options;
mod rest;
#[cfg(feature = "gpu")]
mod self_test;
mod source;
mod types;

use wasm_bindgen::prelude::wasm_bindgen;

/// Panics would be a bare `unreachable` in the browser's console.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| browser::console_error(&panic.to_string())));
}
