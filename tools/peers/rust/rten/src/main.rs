//! rten on the CPU: the ONNX file, with weights packed in advance, on a thread pool.

use std::sync::Arc;

use anyhow::{Context, Result};
use rten::{ModelOptions, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};
use turns::{Case, Input, Place, Run};

fn main() -> Result<()> {
    turns::answer("rten 0.27.0", Place::Cpu, load)
}

fn load(case: &Case) -> Result<Run> {
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    let model = options.load_file(case.file("onnx"))?;
    let options = RunOptions::default().with_thread_pool(Some(Arc::new(ThreadPool::with_num_threads(case.threads))));
    Ok(Box::new(move |input: &Input| {
        let tensor = NdTensorView::from_data(input.shape, input.values.as_slice());
        let logits = model.run_one(tensor.as_dyn().into(), Some(options.clone()))?;
        let logits: NdTensor<f32, 2> = logits.try_into().ok().context("the output is not N, classes")?;
        Ok(logits.to_vec())
    }))
}
