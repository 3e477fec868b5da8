//! burn on wgpu, with its default features (fusion, autotuning). The network is built from burn's modules.

mod densenet;

use std::fs;

use anyhow::{Context, Result};
use burn::tensor::{Device, DeviceKind, Tensor, TensorData};
use safetensors::SafeTensors;
use turns::{Case, Input, Place, Run};

fn main() -> Result<()> {
    turns::answer("burn 0.22.1", Place::Adapter, load)
}

fn load(case: &Case) -> Result<Run> {
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let path = case.file("safetensors");
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    let network = densenet::load(&SafeTensors::deserialize(&bytes)?, &device)?;
    Ok(Box::new(move |input: &Input| {
        let input = Tensor::from_data(TensorData::new(input.values.clone(), input.shape), &device);
        // Reading back waits for the device.
        network.forward(input).into_data().try_into_vec::<f32>().ok().context("logits that are not f32")
    }))
}
