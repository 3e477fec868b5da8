//! The self-test: small questions whose answers are exact, before a variant is trusted.
//!
//! Drivers compute wrong values: they lose barriers, miscompile loops, or promise what they do not keep. Each variant that will run
//! answers first. One that is wrong or fails gives way to the next safer one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::device::Gpu;
use super::model::{Model, Settings};
use super::readback::Driver;
use super::session::Session;
use super::verdicts::Verdict;
use super::weight_store::WeightStore;
use crate::cancel::CancelToken;
use crate::engine::SessionOptions;
use crate::error::{Error, Result};
use crate::kernels::{Kernels, Program, Variant};
use crate::pause::Pause;
use crate::plan::Plan;
use crate::questions::{Question, questions};

/// Who waits for the answers.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) pause: &'a Pause,
    pub(super) cancel: Option<&'a CancelToken>,
    pub(super) driver: Driver,
}

/// Asks about those of `variants` that have not answered yet.
pub(super) async fn ask(gpu: &Gpu, kernels: Kernels, variants: &[Variant], asking: Asking<'_>) -> Result<()> {
    let unknown: Vec<Variant> = variants.iter().copied().filter(|v| gpu.verdicts().of(*v).is_none()).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let asked = ask_all(gpu, kernels, &unknown, asking).await;
    gpu.verdicts().lived();
    asked
}

async fn ask_all(gpu: &Gpu, kernels: Kernels, unknown: &[Variant], asking: Asking<'_>) -> Result<()> {
    for question in questions()? {
        let mut asker = Asker { gpu, kernels, question, store: None, asked: BTreeSet::new(), driver: asking.driver };
        // Each by itself: whatever else its question needs is the plainest that there is.
        for variant in unknown {
            asking.pause.rest().await;
            asker.kernels = kernels.preferring(*variant);
            // A variant that proves wrong is replaced by another one, which has to answer, too.
            while asker.is_new(unknown)? {
                asking.cancel.map_or(Ok(()), CancelToken::check)?;
                #[cfg(not(target_arch = "wasm32"))]
                gpu.begin(*variant);
                if asker.ask().await? {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// What a network gives, in the place of a tap's name.
const RESULT: &str = "the result";

/// A question on its way to a device.
struct Asker<'a> {
    gpu: &'a Gpu,
    kernels: Kernels,
    question: &'static Question,
    /// The question's weights, which are the same for all variants.
    store: Option<Arc<WeightStore>>,
    /// Who answered it.
    asked: BTreeSet<Variant>,
    driver: Driver,
}

impl Asker<'_> {
    fn program(&self) -> Result<Program> {
        let question = self.question;
        let plan = Plan::new(question.weights.architecture(), question.size, question.images)?;
        // What was measured does not decide what is asked.
        let mut experience = self.gpu.experience();
        experience.forget_choices();
        Program::lower_with(&plan, self.kernels, self.gpu.facts(), &experience)
    }

    /// Whether the question would tell something about one of `variants`: the first thing, or more without building what nobody needs.
    fn is_new(&self, variants: &[Variant]) -> Result<bool> {
        let program = match self.program() {
            // The question needs more than this device has.
            Err(Error::Limit { .. }) => return Ok(false),
            program => program?,
        };
        let experience = self.gpu.experience();
        if !program.variants.iter().all(|variant| experience.admits(*variant)) {
            return Ok(false);
        }
        let concerned = || program.variants.iter().filter(|variant| variants.contains(variant));
        let built = self.gpu.pipelines().names();
        let is_cheap = program.variants.iter().all(|variant| variants.contains(variant) || built.contains(variant));
        let is_first = |variant: &Variant| self.gpu.verdicts().of(*variant).is_none();
        Ok(concerned().any(is_first) || (is_cheap && concerned().any(|variant| !self.asked.contains(variant))))
    }

    /// Asks. Returns whether that is all that can be learnt from it; else a variant has got its verdict, and another one will take
    /// its place.
    async fn ask(&mut self) -> Result<bool> {
        let program = self.program()?;
        for &variant in &program.variants {
            match self.gpu.pipeline(variant).await {
                Ok(_) => {}
                Err(error @ (Error::DeviceLost(_) | Error::OutOfMemory(_))) => return Err(error),
                Err(error) => return Ok(!self.condemn(variant, Verdict::Failed(error.to_string()))),
            }
        }
        let model = self.model(&program).await?;
        let mut session = Session::unasked(&model, self.options(&program)).await?;
        session.fill_activations(f32::NAN).await?;
        let output = match session.run_unchecked(&self.question.input, self.driver).await {
            Ok(output) => output,
            Err(error @ (Error::DeviceLost(_) | Error::OutOfMemory(_))) => return Err(error),
            Err(error) => {
                let failed = Verdict::Failed(error.to_string());
                return Ok(!self.blame(&session.program().variants, &failed));
            }
        };
        // What ran: another thread may have changed what would be chosen now.
        let program = session.program();
        let right = self.question.answer()?;
        let mut places: Vec<(usize, &str)> = program.taps.iter().map(|tap| (tap.dispatch, tap.name.as_str())).collect();
        places.push((program.dispatches.len() - 1, RESULT));
        places.sort_unstable();
        let mut first = 0;
        for (dispatch, name) in places {
            let (got, want) = match name {
                RESULT => (output.logits(), right.logits()),
                tap => match (output.tap(tap), right.get(tap)) {
                    (Some(got), Some(want)) => (got.data.as_slice(), want.data.as_slice()),
                    _ => continue,
                },
            };
            if let Some(at) = self.question.first_wrong(got, want) {
                let value = |values: &[f32]| values.get(at).copied().unwrap_or(f32::NAN);
                let wrong = Verdict::Wrong(format!("{name}: element {at} is {}, not {}", value(got), value(want)));
                let suspects = program.dispatches[first.min(dispatch)..=dispatch].iter();
                let suspects: Vec<Variant> = suspects.map(|suspect| program.variants[suspect.variant]).collect();
                return Ok(!self.blame(&suspects, &wrong));
            }
            first = dispatch + 1;
        }
        for &variant in &program.variants {
            self.asked.insert(variant);
            self.gpu.verdicts().add(variant, Verdict::Right);
        }
        Ok(true)
    }

    async fn model(&mut self, program: &Program) -> Result<Model> {
        let store = match &self.store {
            Some(store) => store.clone(),
            None => {
                let (arrays, weights, pause) = (&program.weights, &self.question.weights, Pause::default());
                let store = WeightStore::upload(self.gpu, arrays, weights, None, &pause).await?;
                self.store.insert(Arc::new(store)).clone()
            }
        };
        let architecture = self.question.weights.architecture().clone();
        let settings = Settings { kernels: self.kernels, class_maps: false, self_tests: false, tuned: false };
        Ok(Model::new(self.gpu, settings, architecture, store))
    }

    fn options(&self, program: &Program) -> SessionOptions {
        let taps = program.taps.iter().map(|tap| tap.name.clone());
        SessionOptions::new(self.question.size).max_batch(self.question.images).taps(taps)
    }

    /// Of the variants that worked on a wrong value, condemns the one that is asked about; else those that have others to take their
    /// place; else all. Returns whether one of them was trusted until now.
    fn blame(&self, suspects: &[Variant], verdict: &Verdict) -> bool {
        let suspects: BTreeSet<Variant> = suspects.iter().copied().collect();
        let asked = |variant: &&Variant| Some(variant.alike()) == self.kernels.preferred();
        let replaceable = |variant: &&Variant| variant.kernel.tilings().len() > 1 || variant.subgroup > 0;
        let mut blamed: Vec<Variant> = suspects.iter().filter(asked).copied().collect();
        if blamed.is_empty() {
            blamed = suspects.iter().filter(replaceable).copied().collect();
        }
        if blamed.is_empty() {
            blamed = suspects.iter().copied().collect();
        }
        // Where it may be another one's fault, nothing is written down for the next time.
        let verdict = match verdict {
            Verdict::Wrong(reason) if suspects.len() > 1 => Verdict::Failed(reason.clone()),
            verdict => verdict.clone(),
        };
        blamed.into_iter().filter(|variant| self.condemn(*variant, verdict.clone())).count() > 0
    }

    /// No longer trusts a variant. Returns whether it was trusted until now: otherwise nothing safer is there.
    fn condemn(&self, variant: Variant, verdict: Verdict) -> bool {
        let is_new = self.gpu.experience().admits(variant);
        if let (true, Verdict::Wrong(reason) | Verdict::Failed(reason)) = (is_new, &verdict) {
            let facts = self.gpu.facts();
            let adapter = format!("'{}' ({}, driver '{}')", facts.name, facts.backend, facts.driver);
            log::warn!("{adapter} does not compute {variant} right, which is not used: {reason}");
        }
        self.gpu.verdicts().add(variant, verdict);
        is_new
    }
}
