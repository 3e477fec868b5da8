//! What runs the network: a model on a device, on the CPU engine, or the CPU reference, behind one interface.

use std::fmt;
use std::sync::Arc;

use crate::architecture::InputSize;
use crate::cancel::CancelToken;
#[cfg(feature = "cpu")]
use crate::cpu;
#[cfg(all(any(feature = "gpu", feature = "cpu"), not(target_arch = "wasm32")))]
use crate::engine::StepTime;
#[cfg(any(feature = "gpu", feature = "cpu"))]
use crate::engine::{Output, SessionOptions};
use crate::error::{Error, Result};
#[cfg(feature = "gpu")]
use crate::gpu::{Model, Session};
use crate::maps::FeatureMaps;
use crate::reference;
use crate::weights::Weights;

/// A loaded network.
pub(super) enum Loaded {
    #[cfg(feature = "gpu")]
    Gpu(Model),
    #[cfg(feature = "cpu")]
    Cpu(cpu::Model),
    Reference(Arc<Weights>),
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "gpu")]
            Loaded::Gpu(model) => {
                let facts = model.gpu().facts();
                write!(f, "{} ({}, {}, {} kernels)", facts.name, facts.kind, facts.backend, model.family())
            }
            #[cfg(feature = "cpu")]
            Loaded::Cpu(model) => write!(f, "{}", model.cpu()),
            Loaded::Reference(_) => f.write_str("CPU reference (slow)"),
        }
    }
}

/// What a runner is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) size: InputSize,
    pub(super) taps: Vec<String>,
    /// The most images of one pass.
    pub(super) batch: usize,
}

/// Runs images of one size.
pub(super) enum Runner {
    #[cfg(feature = "gpu")]
    Gpu(Box<Session>, Vec<String>),
    #[cfg(feature = "cpu")]
    Cpu(Box<cpu::Session>, Vec<String>),
    Reference(Arc<Weights>, Shape, Option<CancelToken>),
}

/// The results of one image.
pub(super) struct Row {
    /// Logits, or pooled features if the network has no classifier.
    pub(super) values: Vec<f32>,
    pub(super) taps: Vec<(String, FeatureMaps)>,
}

/// A pass in flight.
#[cfg(not(target_arch = "wasm32"))]
pub(super) enum Flight {
    #[cfg(feature = "gpu")]
    Gpu(Box<crate::gpu::Pending>, Vec<String>),
    Done(Vec<Row>),
}

#[cfg(any(feature = "gpu", feature = "cpu"))]
fn session_options(shape: &Shape, cancel: Option<&CancelToken>) -> SessionOptions {
    SessionOptions::new(shape.size).max_batch(shape.batch).taps(shape.taps.clone()).cancel(cancel.cloned())
}

impl Loaded {
    pub(super) async fn runner(&self, shape: &Shape, cancel: Option<&CancelToken>) -> Result<Runner> {
        match self {
            #[cfg(feature = "gpu")]
            Loaded::Gpu(model) => {
                let session = model.session(session_options(shape, cancel)).await?;
                Ok(Runner::Gpu(Box::new(session), shape.taps.clone()))
            }
            #[cfg(feature = "cpu")]
            Loaded::Cpu(model) => {
                let session = model.session(session_options(shape, cancel)).await?;
                Ok(Runner::Cpu(Box::new(session), shape.taps.clone()))
            }
            Loaded::Reference(weights) => Ok(Runner::Reference(weights.clone(), shape.clone(), cancel.cloned())),
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn runner_blocking(&self, shape: &Shape, cancel: Option<&CancelToken>) -> Result<Runner> {
        match self {
            #[cfg(feature = "gpu")]
            Loaded::Gpu(model) => {
                let session = model.session_blocking(session_options(shape, cancel))?;
                Ok(Runner::Gpu(Box::new(session), shape.taps.clone()))
            }
            #[cfg(feature = "cpu")]
            Loaded::Cpu(model) => {
                let session = model.session_blocking(session_options(shape, cancel))?;
                Ok(Runner::Cpu(Box::new(session), shape.taps.clone()))
            }
            Loaded::Reference(weights) => Ok(Runner::Reference(weights.clone(), shape.clone(), cancel.cloned())),
        }
    }
}

impl Runner {
    /// Images of one pass.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn batch(&self) -> usize {
        match self {
            #[cfg(feature = "gpu")]
            Runner::Gpu(session, _) => session.batch(),
            #[cfg(feature = "cpu")]
            Runner::Cpu(session, _) => session.batch(),
            Runner::Reference(..) => 1,
        }
    }

    /// Bytes of weights and activations, 0 for the reference.
    pub(super) fn device_bytes(&self) -> u64 {
        match self {
            #[cfg(feature = "gpu")]
            Runner::Gpu(session, _) => session.device_bytes(),
            #[cfg(feature = "cpu")]
            Runner::Cpu(session, _) => session.bytes(),
            Runner::Reference(..) => 0,
        }
    }

    pub(super) async fn run(&mut self, images: &[f32]) -> Result<Vec<Row>> {
        match self {
            #[cfg(feature = "gpu")]
            Runner::Gpu(session, taps) => Ok(rows(&session.run(images).await?, taps)),
            #[cfg(feature = "cpu")]
            Runner::Cpu(session, taps) => Ok(rows(&session.run(images).await?, taps)),
            Runner::Reference(weights, shape, cancel) => on_reference(weights, images, shape, cancel.as_ref()),
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn run_blocking(&mut self, images: &[f32]) -> Result<Vec<Row>> {
        match self {
            #[cfg(feature = "gpu")]
            Runner::Gpu(session, taps) => Ok(rows(&session.run_blocking(images)?, taps)),
            #[cfg(feature = "cpu")]
            Runner::Cpu(session, taps) => Ok(rows(&session.run_blocking(images)?, taps)),
            Runner::Reference(weights, shape, cancel) => on_reference(weights, images, shape, cancel.as_ref()),
        }
    }

    /// Starts one pass; at most [`MAX_FLIGHTS`] may be in flight. On the CPU it has finished when this returns.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn start(&mut self, images: &[f32]) -> Result<Flight> {
        match self {
            #[cfg(feature = "gpu")]
            Runner::Gpu(session, taps) => Ok(Flight::Gpu(Box::new(session.submit(images)?), taps.clone())),
            #[cfg(feature = "cpu")]
            Runner::Cpu(session, taps) => Ok(Flight::Done(rows(&session.run_blocking(images)?, taps))),
            Runner::Reference(weights, shape, cancel) => {
                on_reference(weights, images, shape, cancel.as_ref()).map(Flight::Done)
            }
        }
    }
}

#[cfg(all(any(feature = "gpu", feature = "cpu"), not(target_arch = "wasm32")))]
impl Runner {
    /// The time of every step; `None` if the reference runs.
    pub(super) fn profile_blocking(&mut self, image: &[f32]) -> Result<Option<Vec<StepTime>>> {
        match self {
            #[cfg(feature = "gpu")]
            Runner::Gpu(session, _) => session.profile_blocking(image).map(Some),
            #[cfg(feature = "cpu")]
            Runner::Cpu(session, _) => session.profile_blocking(image).map(Some),
            Runner::Reference(..) => Ok(None),
        }
    }
}

/// Passes of one runner that may be in flight.
#[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
pub(super) const MAX_FLIGHTS: usize = Session::IN_FLIGHT;
#[cfg(all(not(feature = "gpu"), not(target_arch = "wasm32")))]
pub(super) const MAX_FLIGHTS: usize = 1;

#[cfg(not(target_arch = "wasm32"))]
impl Flight {
    /// Waits for the result.
    pub(super) fn land(self) -> Result<Vec<Row>> {
        match self {
            #[cfg(feature = "gpu")]
            Flight::Gpu(pending, taps) => Ok(rows(&pending.wait_blocking()?, &taps)),
            Flight::Done(rows) => Ok(rows),
        }
    }
}

#[cfg(any(feature = "gpu", feature = "cpu"))]
fn rows(output: &Output, taps: &[String]) -> Vec<Row> {
    let of_image = |index: usize, name: &String| {
        let maps = output.tap(name)?;
        let FeatureMaps { channels, height, width, .. } = *maps;
        Some((name.clone(), FeatureMaps { channels, height, width, data: maps.image(index).to_vec() }))
    };
    let row = |index| Row {
        values: output.row(index).to_vec(),
        taps: taps.iter().filter_map(|name| of_image(index, name)).collect(),
    };
    (0..output.batch()).map(row).collect()
}

/// One image after another, so that the feature maps of only one are in memory.
fn on_reference(weights: &Weights, images: &[f32], shape: &Shape, cancel: Option<&CancelToken>) -> Result<Vec<Row>> {
    let elements = weights.architecture().input_channels * shape.size.height * shape.size.width;
    let mut rows = Vec::new();
    for image in images.chunks(elements) {
        let wanted = |name: &str| shape.taps.iter().any(|tap| tap == name);
        let proceed = || cancel.map_or(Ok(()), CancelToken::check);
        let outputs = reference::forward_while(weights, image, 1, shape.size, wanted, proceed)?;
        let tap = |name: &String| match outputs.get(name) {
            Some(maps) => Ok((name.clone(), maps.clone())),
            None => Err(Error::Tap {
                name: name.clone(),
                hint: "neither a layer nor a tap of this network; `densenet inspect --plan` lists the layers".into(),
            }),
        };
        let taps = shape.taps.iter().map(tap).collect::<Result<_>>()?;
        rows.push(Row { values: outputs.logits().to_vec(), taps });
    }
    Ok(rows)
}
