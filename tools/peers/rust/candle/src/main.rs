//! candle on the CPU, with its default features. The network is built from candle's modules; its collection of models has no
//! DenseNet. compare_peers.py sets RAYON_NUM_THREADS, from which candle takes its number of threads.

mod densenet;

use std::fs;

use anyhow::{Context, Result, ensure};
use candle_core::utils::get_num_threads;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use turns::{Case, Input, Place, Run};

fn main() -> Result<()> {
    turns::answer("candle 0.11.1", Place::Cpu, load)
}

fn load(case: &Case) -> Result<Run> {
    ensure!(get_num_threads() == case.threads, "RAYON_NUM_THREADS is not {}", case.threads);
    let path = case.file("safetensors");
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    let network = densenet::load(VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu)?)?;
    Ok(Box::new(move |input: &Input| {
        let images = Tensor::from_slice(&input.values, input.shape.as_slice(), &Device::Cpu)?;
        Ok(network.forward(&images)?.flatten_all()?.to_vec1()?)
    }))
}
