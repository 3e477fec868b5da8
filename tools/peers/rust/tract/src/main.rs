//! tract on the CPU: the ONNX file, optimised by tract, on a thread pool.

use anyhow::Result;
use tract_linalg::multithread::{Executor, set_default_executor};
use tract_onnx::prelude::*;
use turns::{Case, Input, Place, Run};

fn main() -> Result<()> {
    turns::answer("tract 0.23.9", Place::Cpu, load)
}

fn load(case: &Case) -> Result<Run> {
    set_default_executor(Executor::multithread(case.threads));
    let shape = [case.batch, 3, 224, 224];
    let model = tract_onnx::onnx().model_for_path(case.file("onnx"))?.with_input_fact(0, f32::fact(shape).into())?;
    let model = model.into_optimized()?.into_runnable()?;
    Ok(Box::new(move |input: &Input| {
        let tensor = Tensor::from_shape(&input.shape, &input.values)?;
        let outputs = model.run(tvec!(tensor.into()))?;
        Ok(outputs[0].to_plain_array_view::<f32>()?.iter().copied().collect())
    }))
}
