//! Examining one engine.

use densenet_wgpu::gpu::{Gpu, GpuOptions, Verdict};
use densenet_wgpu::low_level::kernels::Variant;
use densenet_wgpu::{AdapterFacts, Cpu, Engine, Error, KernelFamily, LoadOptions, Precision, Tuning};

use super::cases::{Case, Networks};
use super::findings::{Answer, Examined, Findings, Verified};
use super::times::time;
use crate::cli::model::AnyModel;
use crate::cli::{progress, source};

/// What engines are asked.
pub(crate) struct Examination<'a> {
    pub(crate) networks: &'a Networks,
    pub(crate) cases: &'a [Case<'a>],
    /// Whether all kernel variants answer the self-test, and not those of the networks alone.
    pub(crate) every_variant: bool,
    /// Whether that holds for adapters of GL.
    pub(crate) gl_too: bool,
    pub(crate) times: bool,
}

impl Examination<'_> {
    /// Examines an adapter by its index. What cannot be done is part of what is found.
    pub(crate) fn of_adapter(&self, index: usize, facts: &AdapterFacts) -> Findings {
        let mut findings = Findings::new(Examined::Adapter(index, facts.clone()));
        if let Err(error) = self.examine_adapter(index, facts, &mut findings) {
            findings.error = Some(format!("{error:#}"));
        }
        findings
    }

    fn examine_adapter(&self, index: usize, facts: &AdapterFacts, findings: &mut Findings) -> anyhow::Result<()> {
        let options = GpuOptions::default().adapter(index.to_string());
        // What an earlier run found right is asked again.
        let gpu = Gpu::new_blocking(options.clone().remember(false))?;
        let every_variant = self.every_variant && (self.gl_too || facts.backend != "gl");
        let examined = every_variant.then(|| gpu.examine_blocking(progress::variants())).transpose();
        let result = examined.map_err(Into::into).and_then(|all| {
            findings.variants = all.map(|all| answers(all, gpu.facts())).unwrap_or_default();
            self.verify(&Engine::Gpu(gpu.clone()), findings)
        });
        // Also where the device was lost on the way.
        if findings.variants.is_empty() {
            findings.variants = answers(asked(&gpu), gpu.facts());
        }
        result?;
        drop(gpu);
        // As every command opens it.
        let gpu = Gpu::new_blocking(options)?;
        findings.remembered = gpu.experience().choices().count();
        if self.times {
            findings.times = Some(time(&Engine::Gpu(gpu), &self.networks.densenet121)?);
        }
        Ok(())
    }

    /// Examines the CPU engine.
    pub(crate) fn of_cpu(&self, cpu: Cpu) -> Findings {
        let mut findings = Findings::new(Examined::Cpu(cpu.clone()));
        let engine = Engine::Cpu(cpu);
        let mut examine = || -> anyhow::Result<()> {
            self.verify(&engine, &mut findings)?;
            if self.times {
                findings.times = Some(time(&engine, &self.networks.densenet121)?);
            }
            Ok(())
        };
        if let Err(error) = examine() {
            findings.error = Some(format!("{error:#}"));
        }
        findings
    }

    /// Compares every network with the reference, until the device is lost.
    fn verify(&self, engine: &Engine, findings: &mut Findings) -> anyhow::Result<()> {
        for case in self.cases {
            for &precision in case.precisions.iter().filter(|precision| has(engine, **precision)) {
                let (verified, lost) = verify(engine, case, precision);
                findings.verified.push(verified);
                if let Some(lost) = lost {
                    return Err(lost.into());
                }
            }
        }
        Ok(())
    }
}

/// Whether an engine stores weights so by its own choice of kernels.
fn has(engine: &Engine, precision: Precision) -> bool {
    match engine {
        Engine::Gpu(gpu) => precision == Precision::F32 || gpu.facts().family() == KernelFamily::Buffer,
        _ => precision == Precision::F32,
    }
}

/// Compares a network with the reference. Also returns the error by which the device was lost.
fn verify(engine: &Engine, case: &Case<'_>, precision: Precision) -> (Verified, Option<Error>) {
    let question = &case.question;
    let mut verified = Verified {
        arch: source::name_of(question.weights.architecture()).into(),
        size: question.size.to_string(),
        precision,
        ok: None,
        first_beyond: None,
        error: None,
    };
    let options = LoadOptions::default().precision(precision).size(case.prepared).tuning(Tuning::Off);
    let answer = AnyModel::load(engine, question.weights, options.progress(progress::loading()))
        .and_then(|model| Ok(question.ask(&model)?));
    let error = match answer {
        Ok(answer) => {
            let compared = question.compare(&answer, &case.right, precision);
            let first = compared.iter().find(|tap| !tap.ok());
            verified.ok = Some(first.is_none());
            verified.first_beyond = first.map(|tap| tap.name.clone());
            return (verified, None);
        }
        Err(error) => error,
    };
    verified.error = Some(format!("{error:#}"));
    let error = error.downcast::<Error>();
    // A device that refuses the work or computes infinities is at fault; one that lacks memory is not.
    verified.ok = matches!(error, Ok(Error::Device(_) | Error::Weights(_))).then_some(false);
    (verified, error.ok().filter(|error| matches!(error, Error::DeviceLost(_))))
}

/// The variants that answered so far.
fn asked(gpu: &Gpu) -> Vec<(Variant, Option<Verdict>)> {
    gpu.self_test().into_iter().map(|(variant, verdict)| (variant, Some(verdict))).collect()
}

fn answers(verdicts: Vec<(Variant, Option<Verdict>)>, facts: &AdapterFacts) -> Vec<Answer> {
    let answer = |(variant, verdict)| {
        let reason = match &verdict {
            Some(Verdict::Right) => None,
            Some(Verdict::Wrong(reason) | Verdict::Failed(reason)) => Some(reason.clone()),
            None => Some(lack(variant, facts)),
        };
        Answer { variant, verdict, reason }
    };
    verdicts.into_iter().map(answer).collect()
}

/// What a device lacks for a variant.
fn lack(variant: Variant, facts: &AdapterFacts) -> String {
    let limits = &facts.limits;
    let (size, memory) = (limits.max_compute_invocations_per_workgroup, limits.max_compute_workgroup_storage_size);
    if variant.workgroup_size > size {
        format!("workgroups of {} invocations, of at most {size}", variant.workgroup_size)
    } else if variant.memory() > memory {
        format!("{} bytes of workgroup memory, of at most {memory}", variant.memory())
    } else if !variant.runs_on(facts) {
        format!("subgroups of {} lanes only", variant.subgroup)
    } else {
        "no question was found for it".into()
    }
}
