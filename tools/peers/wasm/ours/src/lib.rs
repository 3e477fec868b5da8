//! The CPU engine as a WebAssembly module: `load(weights)`, then `run(image)`.

use std::fmt::Display;

use densenet_wgpu::cpu::{Cpu, CpuOptions, Model, Session};
use densenet_wgpu::{InputSize, LoadOptions, SessionOptions, weights};
use wasm_bindgen::prelude::*;

#[cfg(not(target_feature = "simd128"))]
compile_error!(
    "without simd128 the times mean nothing: run cargo in tools/peers/wasm, whose .cargo/config.toml turns it on"
);

/// A network, loaded and ready to run.
#[wasm_bindgen]
pub struct Network {
    session: Session,
    instructions: String,
}

/// Loads a safetensors file for one image of `size` by `size` pixels.
#[wasm_bindgen]
pub async fn load(bytes: Vec<u8>, size: usize) -> Result<Network, JsError> {
    let weights = weights::from_bytes(&bytes, "weights", &weights::OpenOptions::default()).map_err(error)?;
    let cpu = Cpu::new(CpuOptions::default()).map_err(error)?;
    let model = Model::load(&cpu, &weights, LoadOptions::default()).await.map_err(error)?;
    let session = model.session(SessionOptions::new(InputSize::square(size))).await.map_err(error)?;
    Ok(Network { session, instructions: cpu.instructions().to_string() })
}

#[wasm_bindgen]
impl Network {
    /// An image [1, 3, size, size] in, logits out.
    pub async fn run(&mut self, image: Vec<f32>) -> Result<Vec<f32>, JsError> {
        Ok(self.session.run(&image).await.map_err(error)?.logits().to_vec())
    }

    /// What the products are computed with.
    pub fn instructions(&self) -> String {
        self.instructions.clone()
    }
}

fn error(error: impl Display) -> JsError {
    JsError::new(&error.to_string())
}
