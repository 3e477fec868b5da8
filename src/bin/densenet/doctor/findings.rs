//! What was found out about an engine.

use densenet_wgpu::gpu::Verdict;
use densenet_wgpu::low_level::kernels::Variant;
use densenet_wgpu::{AdapterFacts, Cpu, Precision};

/// An engine and what was found out about it.
pub(crate) struct Findings {
    pub(crate) engine: Examined,
    /// Why it could not be opened, or what ended the examination.
    pub(crate) error: Option<String>,
    pub(crate) variants: Vec<Answer>,
    pub(crate) verified: Vec<Verified>,
    pub(crate) times: Option<Times>,
    /// Choices that an earlier run measured and wrote down.
    pub(crate) remembered: usize,
}

/// Which engine it is.
pub(crate) enum Examined {
    /// With its index in `densenet adapters`.
    Adapter(usize, AdapterFacts),
    Cpu(Cpu),
}

/// How a kernel variant answered the self-test.
pub(crate) struct Answer {
    pub(crate) variant: Variant,
    /// None where it was not asked.
    pub(crate) verdict: Option<Verdict>,
    /// What is wrong, or why it was not asked.
    pub(crate) reason: Option<String>,
}

/// A network that was compared with the reference.
pub(crate) struct Verified {
    pub(crate) arch: String,
    pub(crate) size: String,
    pub(crate) precision: Precision,
    /// Whether every tap agrees; none where there was no answer to compare, for lack of memory or of the device itself.
    pub(crate) ok: Option<bool>,
    pub(crate) first_beyond: Option<String>,
    pub(crate) error: Option<String>,
}

/// How long a network takes, and by which kernels. Milliseconds.
pub(crate) struct Times {
    pub(crate) arch: String,
    pub(crate) size: String,
    pub(crate) batch: usize,
    /// From loading to the first answer.
    pub(crate) first: f64,
    /// Of later runs.
    pub(crate) median: f64,
    /// The kernels with their steps and time, the longest first; empty where steps cannot be timed.
    pub(crate) kernels: Vec<(String, usize, f64)>,
    pub(crate) choices: Vec<Choice>,
}

/// Which variant runs a layer.
pub(crate) struct Choice {
    pub(crate) layer: String,
    pub(crate) variant: String,
    /// Of one such layer.
    pub(crate) ms: Option<f64>,
    /// Whether it was measured, and is not just expected to be best.
    pub(crate) measured: bool,
}

impl Findings {
    pub(crate) fn new(engine: Examined) -> Findings {
        Findings { engine, error: None, variants: Vec::new(), verified: Vec::new(), times: None, remembered: 0 }
    }

    /// Whether it answered wrongly.
    pub(crate) fn is_wrong(&self) -> bool {
        self.wrong().next().is_some() || self.verified.iter().any(|network| network.ok == Some(false))
    }

    /// The variants that are wrong, or fail.
    pub(crate) fn wrong(&self) -> impl Iterator<Item = &Answer> {
        self.variants.iter().filter(|answer| answer.is_wrong())
    }
}

impl Examined {
    pub(crate) fn name(&self) -> String {
        match self {
            Examined::Adapter(_, facts) => format!("{} ({})", facts.name, facts.backend),
            Examined::Cpu(cpu) => cpu.to_string(),
        }
    }
}

impl Answer {
    /// `ok`, `wrong`, `failed` or `unsupported`.
    pub(crate) fn result(&self) -> &'static str {
        match self.verdict {
            Some(Verdict::Right) => "ok",
            Some(Verdict::Wrong(_)) => "wrong",
            Some(Verdict::Failed(_)) => "failed",
            None => "unsupported",
        }
    }

    pub(crate) fn is_wrong(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Wrong(_) | Verdict::Failed(_)))
    }
}
