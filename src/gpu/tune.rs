//! Tuning: which variants are fast on this device, by measurement.
//!
//! Layers that differ only in how many channels they read are measured together, by one of them in the middle: the choice depends on
//! how many pixels and output channels there are to share out, and DenseNet-121 has 58 numbers of input channels.

use std::collections::BTreeMap;
use std::time::Duration;

use web_time::Instant;

use super::model::Model;
use super::readback::Driver;
use super::self_test::{self, Asking};
use super::session::Session;
use super::stopwatch;
use super::verdicts::Verdict;
use crate::architecture::InputSize;
use crate::cancel::CancelToken;
use crate::engine::SessionOptions;
use crate::error::{Error, Result};
use crate::kernels::{Alternative, Layer, Program, Variant};
use crate::pause::Pause;
use crate::plan::Plan;

/// How much faster a variant must be to displace the one that is expected to be best: less may be noise.
const MARGIN: f64 = 0.97;

/// What tuning found for layers that were measured together.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The layer that was measured.
    pub layer: Layer,
    /// How many layers of the network it stands for.
    pub layers: usize,
    /// The variant that they get.
    pub variant: Variant,
    /// Its time.
    pub time: Duration,
    /// The variant that they would get without a measurement.
    pub expected: Variant,
    /// Its time.
    pub expected_time: Duration,
    /// Variants that were measured.
    pub measured: usize,
}

impl Model {
    /// Measures the variants of the layers of a session for `size` and `batch` images that have no choice yet, until `within` has
    /// passed, and makes the choices: sessions that are made later have them. Nothing where every layer has its choice, the
    /// kernels leave none, or the model was loaded with [`Tuning::Off`](crate::Tuning::Off).
    ///
    /// # Errors
    /// As [`Model::session`] and [`Session::run`](super::Session::run).
    pub async fn tune(&self, size: InputSize, batch: usize, within: Duration) -> Result<Vec<Tuned>> {
        let asking = Asking { pause: &Pause::default(), cancel: None, driver: Driver::Background };
        tune(self, size, batch, within, asking).await
    }

    /// Blocking twin of [`Model::tune`].
    ///
    /// # Errors
    /// As [`Model::tune`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn tune_blocking(&self, size: InputSize, batch: usize, within: Duration) -> Result<Vec<Tuned>> {
        let asking = Asking { pause: &Pause::default(), cancel: None, driver: Driver::Here };
        pollster::block_on(tune(self, size, batch, within, asking))
    }
}

/// Layers that are measured together.
struct Group {
    /// Every layer of the network among them, once each.
    members: Vec<Layer>,
    /// How many layers those are.
    layers: usize,
    /// The dispatch that is measured, and its layer.
    dispatch: usize,
    layer: Layer,
    alternatives: Vec<Alternative>,
    /// Measured so far.
    times: Vec<(Duration, Variant)>,
}

/// Measures the variants of the layers of a session for `size` and `batch` images that have no choice yet, until `within` has passed,
/// and makes the choices. Devices remember them: sessions that are made later have them.
pub(super) async fn tune(
    model: &Model,
    size: InputSize,
    batch: usize,
    within: Duration,
    asking: Asking<'_>,
) -> Result<Vec<Tuned>> {
    if !model.is_tuned() {
        return Ok(Vec::new());
    }
    let mut session = model.session_driven(SessionOptions::new(size).max_batch(batch), asking.driver).await?;
    let plan = Plan::either(model.architecture(), size, session.batch(), false)?;
    let mut groups = groups(model, &plan, session.program());
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let needed = model.gpu().pipelines().names();
    // So that what is measured computes with numbers that a network has: some devices take longer over others.
    let image = vec![0.5; session.batch() * session.image_elements()];
    session.run_driven(&image, asking.driver).await?;
    let start = Instant::now();
    let is_over = || start.elapsed() >= within;
    // Of each layer the variant that is expected to be best; then, of those that take longest first, the others in turn.
    let mut left = true;
    for round in 0.. {
        if !left || is_over() {
            break;
        }
        left = false;
        for group in groups.iter_mut().take_while(|_| !is_over()) {
            asking.pause.rest().await;
            asking.cancel.map_or(Ok(()), CancelToken::check)?;
            left |= measure(&session, group, asking.driver).await?;
        }
        if round == 0 {
            groups.sort_by_cached_key(|group| std::cmp::Reverse(group.expected().saturating_mul(group.layers as u32)));
        }
    }
    // Of a layer of which little was measured, more will be the next time.
    groups.retain(|group| group.times.len() >= group.alternatives.len().min(ENOUGH));
    let mut tuned = Vec::new();
    for group in groups {
        asking.pause.rest().await;
        tuned.extend(choose(model, &session, group, asking).await?);
    }
    let chosen: Vec<Variant> = tuned.iter().map(|tuned| tuned.variant.alike()).collect();
    model.gpu().pipelines().keep(|variant| needed.contains(variant) || chosen.contains(&variant.alike()));
    #[cfg(not(target_arch = "wasm32"))]
    model.gpu().remember();
    Ok(tuned)
}

/// Variants of a layer that must have been measured before one is chosen, if there are so many.
const ENOUGH: usize = 3;

impl Group {
    /// The time of the variant that is expected to be best.
    fn expected(&self) -> Duration {
        self.times.first().map_or(Duration::ZERO, |(time, _)| *time)
    }
}

/// The layers that have no choice yet.
fn groups(model: &Model, plan: &Plan, program: &Program) -> Vec<Group> {
    let experience = model.experience();
    let mut grouped: BTreeMap<Layer, Vec<(Layer, usize)>> = BTreeMap::new();
    for (index, dispatch) in program.dispatches.iter().enumerate() {
        if let Some(layer) = dispatch.layer.filter(|layer| experience.choice(layer).is_none()) {
            let [inputs, outputs] = layer.channels;
            let alike = Layer { channels: [inputs.next_power_of_two(), outputs], ..layer };
            grouped.entry(alike).or_default().push((layer, index));
        }
    }
    let group = |mut found: Vec<(Layer, usize)>| {
        found.sort_unstable();
        let (layer, dispatch) = found[found.len() / 2];
        let facts = model.gpu().facts();
        let alternatives = Program::alternatives(plan, dispatch, model.kernels(), facts, &experience);
        let layers = found.len();
        let mut members: Vec<Layer> = found.into_iter().map(|(layer, _)| layer).collect();
        members.dedup();
        Group { members, layers, dispatch, layer, alternatives, times: Vec::new() }
    };
    grouped.into_values().map(group).filter(|group| group.alternatives.len() > 1).collect()
}

/// Measures a group's next variant. Returns whether there was one.
async fn measure(session: &Session, group: &mut Group, driver: Driver) -> Result<bool> {
    let Some(alternative) = group.alternatives.get(group.times.len()) else { return Ok(false) };
    let time = match stopwatch::time(session, group.dispatch, alternative, driver).await {
        Ok(time) => time,
        Err(lost @ Error::DeviceLost(_)) => return Err(lost),
        // A driver that does not build it has others to choose from.
        Err(error) => {
            log::debug!("{}: {error}", alternative.variant);
            Duration::MAX
        }
    };
    group.times.push((time, alternative.variant));
    Ok(true)
}

/// Chooses the fastest variant of a group that answers the self-test; none if the one that is expected to be best cannot be measured.
async fn choose(model: &Model, session: &Session, group: Group, asking: Asking<'_>) -> Result<Option<Tuned>> {
    let gpu = model.gpu();
    let (first, expected) = group.times[0];
    if first == Duration::MAX {
        return Ok(None);
    }
    let clearly = |time: Duration, than: Duration| time.as_secs_f64() < MARGIN * than.as_secs_f64();
    let mut ranked: Vec<usize> = (1..group.times.len()).filter(|&at| clearly(group.times[at].0, first)).collect();
    ranked.sort_by_key(|&at| group.times[at].0);
    let (mut time, mut variant, mut expected_time) = (first, expected, first);
    for at in ranked {
        let rival = group.times[at].1;
        if model.self_tests() {
            self_test::ask(gpu, model.kernels(), &[rival], asking).await?;
        }
        if model.self_tests() && gpu.verdicts().of(rival) != Some(Verdict::Right) {
            continue;
        }
        // Of many that were measured once, the best may have been lucky, and the first unlucky.
        let once_more =
            async |at: usize| stopwatch::time(session, group.dispatch, &group.alternatives[at], asking.driver).await;
        let (again, expected_again) = (once_more(at).await?, once_more(0).await?);
        expected_time = expected_time.min(expected_again);
        if clearly(again, expected_time) {
            (time, variant) = (again, rival);
            break;
        }
    }
    gpu.change_choices(|choices| group.members.iter().for_each(|layer| choices.choose(layer, variant)));
    let time = if variant == expected { expected_time } else { time };
    let Group { layer, layers, times, .. } = group;
    Ok(Some(Tuned { layer, layers, variant, time, expected, expected_time, measured: times.len() }))
}
