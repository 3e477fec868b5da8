//! A pass: the steps of a plan over memories that are allocated once.

use std::sync::Arc;
#[cfg(not(target_arch = "wasm32"))]
use std::time::Instant;

use super::layout::Layout;
use super::memory::zeros;
use super::model::Model;
use super::work::Work;
use crate::engine::Output;
#[cfg(not(target_arch = "wasm32"))]
use crate::engine::StepTime;
use crate::error::Result;
use crate::maps::FeatureMaps;
use crate::plan::{Plan, Step, View};

/// What a session computes with.
pub(super) struct Pass {
    model: Model,
    plan: Arc<Plan>,
    work: Work,
    /// The memories of the plan, each for a whole batch.
    memories: Vec<Vec<f32>>,
    /// Values to give out besides the result, by their step.
    taps: Vec<Read>,
    result: Read,
}

/// A value that is given out.
struct Read {
    name: String,
    step: usize,
    view: View,
    /// Where each channel is among those of the view.
    channels: Vec<usize>,
}

impl Read {
    fn new(plan: &Plan, name: &str, step: usize, view: &View) -> Read {
        let map = plan.channel_map(view);
        let channels = (0..map.len()).filter(|at| map[*at].is_some()).collect();
        Read { name: name.into(), step, view: view.clone(), channels }
    }

    /// Appends `images` in NCHW order.
    fn append(&self, plan: &Plan, memory: &[f32], images: usize, target: &mut Vec<f32>) {
        let layout = Layout::new(plan, &self.view, images);
        for image in memory[..layout.elements()].chunks(layout.height * layout.width * layout.step) {
            for channel in &self.channels {
                target.extend(image[layout.start + channel..].iter().step_by(layout.step));
            }
        }
    }
}

impl Pass {
    pub(super) fn new(model: &Model, plan: Arc<Plan>, taps: &[String]) -> Result<Pass> {
        for name in taps {
            plan.tap(name)?;
        }
        let mut sizes = vec![0; plan.tensors.iter().map(|tensor| tensor.memory + 1).max().unwrap_or(0)];
        for tensor in &plan.tensors {
            sizes[tensor.memory] = sizes[tensor.memory].max(tensor.elements() * plan.batch);
        }
        let steps = plan.steps.iter().zip(model.kernels());
        let scratch = steps.map(|(step, kernel)| kernel.scratch(&plan, step)).max().unwrap_or(0);
        let work = Work::new(model.cpu(), scratch)?;
        let wanted = plan.taps.iter().filter(|tap| taps.contains(&tap.name));
        let taps = wanted.map(|tap| Read::new(&plan, &tap.name, tap.step, &tap.view)).collect();
        let output = plan.output();
        let view = View { tensor: output, slots: 0..plan.tensor(output).slots.len() };
        let result = Read::new(&plan, "", plan.steps.len(), &view);
        let memories = sizes.into_iter().map(zeros).collect::<Result<_>>()?;
        Ok(Pass { model: model.clone(), plan, work, memories, taps, result })
    }

    /// Bytes of activations and scratch.
    pub(super) fn bytes(&self) -> u64 {
        let elements: usize = self.memories.iter().map(Vec::len).sum();
        (elements * size_of::<f32>() + self.work.bytes()) as u64
    }

    pub(super) fn fill(&mut self, value: f32) {
        self.memories.iter_mut().for_each(|memory| memory.fill(value));
        self.work.fill(value);
    }

    /// Runs checked images, pass by pass; asks before each step whether to go on.
    pub(super) fn run(&mut self, images: &[f32], proceed: &dyn Fn() -> Result<()>) -> Result<Output> {
        let mut output = self.empty();
        for images in images.chunks(self.plan.batch * self.image()) {
            let count = self.upload(images);
            output.begin(count);
            for index in 0..self.plan.steps.len() {
                proceed()?;
                self.step(index, count);
                for (tap, (_, maps)) in self.taps.iter().zip(output.taps_mut()) {
                    if tap.step == index {
                        let memory = &self.memories[self.plan.tensor(tap.view.tensor).memory];
                        tap.append(&self.plan, memory, count, &mut maps.data);
                    }
                }
            }
            let memory = &self.memories[self.plan.tensor(self.result.view.tensor).memory];
            self.result.append(&self.plan, memory, count, output.values_mut());
        }
        output.finite()
    }

    /// Runs checked images that fit one pass, and times its steps.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn profile(&mut self, images: &[f32]) -> Vec<StepTime> {
        let count = self.upload(images);
        let mut times = Vec::with_capacity(self.plan.steps.len());
        for index in 0..self.plan.steps.len() {
            let start = Instant::now();
            self.step(index, count);
            let time = start.elapsed();
            let step = &self.plan.steps[index];
            let kernel = self.model.kernels()[index].name().into();
            times.push(StepTime { name: step.name.clone(), kernel, time, macs: step.macs * count as u64 });
        }
        times
    }

    /// Values of one image as the host gives it.
    fn image(&self) -> usize {
        let size = self.plan.size;
        self.model.architecture().input_channels * size.height * size.width
    }

    /// Copies images to where the stem reads them; returns their number.
    fn upload(&mut self, images: &[f32]) -> usize {
        let input = &mut self.memories[self.plan.tensor(self.plan.input()).memory];
        match &self.model.architecture().input {
            Some(transform) => {
                let images = transform.apply(images, self.plan.size.height * self.plan.size.width);
                input[..images.len()].copy_from_slice(&images);
            }
            None => input[..images.len()].copy_from_slice(images),
        }
        images.len() / self.image()
    }

    fn step(&mut self, index: usize, images: usize) {
        let step: &Step = &self.plan.steps[index];
        let memory = |view: &View| self.plan.tensor(view.tensor).memory;
        let (from, to) = (memory(&step.input), memory(&step.output));
        // A step never reads the tensor that it writes, and tensors that live at the same time have memories of their own.
        let mut target = std::mem::take(&mut self.memories[to]);
        self.model.kernels()[index].run(&self.work, &self.plan, step, images, &self.memories[from], &mut target);
        self.memories[to] = target;
    }

    /// An output without images.
    fn empty(&self) -> Output {
        let maps = |tap: &Read| {
            let layout = Layout::new(&self.plan, &tap.view, 1);
            let (channels, height, width) = (tap.channels.len(), layout.height, layout.width);
            (tap.name.clone(), FeatureMaps { channels, height, width, data: Vec::new() })
        };
        let layout = Layout::new(&self.plan, &self.result.view, 1);
        Output::new(self.result.channels.len() * layout.pixels(), self.taps.iter().map(maps).collect())
    }
}
