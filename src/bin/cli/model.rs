//! A model on whichever engine was chosen, and its session, for commands that drive them directly.

use std::fmt;

use densenet_wgpu::{
    Engine, KernelFamily, LoadOptions, Model, Output, Session, SessionOptions, StepTime, Weights, cpu,
};
use serde_json::{Value, json};

use super::adapter::{adapter_json, cpu_json};
use super::finish::Usage;

/// A loaded model.
pub(crate) enum AnyModel {
    Gpu(Model),
    Cpu(cpu::Model),
}

/// A session of it.
pub(crate) enum AnySession {
    Gpu(Session),
    Cpu(cpu::Session),
}

impl AnyModel {
    /// Loads weights onto an open engine.
    pub(crate) fn load(engine: &Engine, weights: &Weights, options: LoadOptions) -> anyhow::Result<AnyModel> {
        let model = match engine {
            Engine::Gpu(gpu) => AnyModel::Gpu(Model::load_blocking(gpu, weights, options)?),
            Engine::Cpu(cpu) => AnyModel::Cpu(cpu::Model::load_blocking(cpu, weights, options)?),
            _ => return Err(Usage::error("the CPU reference is what engines are compared with: it is no engine")),
        };
        log::info!("running on {model}");
        Ok(model)
    }

    pub(crate) fn session(&self, options: SessionOptions) -> densenet_wgpu::Result<AnySession> {
        match self {
            AnyModel::Gpu(model) => model.session_blocking(options).map(AnySession::Gpu),
            AnyModel::Cpu(model) => model.session_blocking(options).map(AnySession::Cpu),
        }
    }

    /// The kernel family; adapters alone have one.
    #[allow(dead_code, reason = "the benchmark's")]
    pub(crate) fn family(&self) -> Option<KernelFamily> {
        match self {
            AnyModel::Gpu(model) => Some(model.family()),
            AnyModel::Cpu(_) => None,
        }
    }

    /// The engine as JSON, with the kernels that run and not those that would be chosen.
    pub(crate) fn json(&self) -> serde_json::Result<Value> {
        match self {
            AnyModel::Gpu(model) => {
                let mut value = adapter_json(model.gpu().adapter())?;
                value["kernels"] = json!(model.family().to_string());
                Ok(value)
            }
            AnyModel::Cpu(model) => Ok(cpu_json(model.cpu())),
        }
    }
}

impl fmt::Display for AnyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnyModel::Gpu(model) => {
                let facts = model.gpu().facts();
                write!(f, "{} ({}, {} kernels)", facts.name, facts.backend, model.family())
            }
            AnyModel::Cpu(model) => write!(f, "{}", model.cpu()),
        }
    }
}

impl AnySession {
    pub(crate) fn image_elements(&self) -> usize {
        match self {
            AnySession::Gpu(session) => session.image_elements(),
            AnySession::Cpu(session) => session.image_elements(),
        }
    }

    pub(crate) fn run(&mut self, images: &[f32]) -> densenet_wgpu::Result<Output> {
        match self {
            AnySession::Gpu(session) => session.run_blocking(images),
            AnySession::Cpu(session) => session.run_blocking(images),
        }
    }

    /// The time of every step.
    #[allow(dead_code, reason = "the benchmark's")]
    pub(crate) fn profile(&mut self, images: &[f32]) -> densenet_wgpu::Result<Vec<StepTime>> {
        match self {
            AnySession::Gpu(session) => session.profile_blocking(images),
            AnySession::Cpu(session) => session.profile_blocking(images),
        }
    }

    /// Dispatches of one pass, or steps on the CPU engine.
    #[allow(dead_code, reason = "the benchmark's")]
    pub(crate) fn steps(&self) -> usize {
        match self {
            AnySession::Gpu(session) => session.dispatches(),
            AnySession::Cpu(session) => session.plan().steps.len(),
        }
    }

    /// Milliseconds that recording the last pass took; the CPU engine records nothing.
    #[allow(dead_code, reason = "the benchmark's")]
    pub(crate) fn last_encode_ms(&self) -> Option<f64> {
        match self {
            AnySession::Gpu(session) => Some(session.last_encode_ms()),
            AnySession::Cpu(_) => None,
        }
    }

    /// Bytes of weights, activations and what else it holds.
    #[allow(dead_code, reason = "the benchmark's")]
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            AnySession::Gpu(session) => session.device_bytes(),
            AnySession::Cpu(session) => session.bytes(),
        }
    }
}
