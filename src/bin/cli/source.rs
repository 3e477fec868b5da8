//! Where weights come from: a file, a seed, or the model inside the binary.

use std::path::PathBuf;

use densenet_wgpu::architecture::Architecture;
use densenet_wgpu::weights::{self, ChannelOrder, HeadSpec, OpenOptions, Origin, Weights};
use densenet_wgpu::{InputSize, Preprocessing};

use super::finish::Usage;
use super::network::NetworkArgs;

/// The network and its weights.
#[derive(clap::Args, Debug)]
pub(crate) struct SourceArgs {
    /// Weight file, or the name of published weights (`densenet pull --list`); without this and --arch, the embedded digit
    /// model
    #[arg(long, value_name = "FILE|NAME")]
    pub(crate) weights: Option<PathBuf>,
    /// Preset such as densenet121, or a JSON description; with --weights it checks or completes what the file says
    #[arg(long, value_name = "NAME|JSON", value_parser = Architecture::from_name_or_file)]
    pub(crate) arch: Option<Architecture>,
    /// Random weights for --arch, from this seed
    #[arg(long, value_name = "SEED", requires = "arch", conflicts_with = "weights")]
    pub(crate) random: Option<u64>,
    /// Batch norm epsilon, instead of the file's or the preset's
    #[arg(long, value_name = "X", value_parser = epsilon)]
    pub(crate) eps: Option<f64>,
    /// Where a dense layer's new channels stand in --weights, `new-last` or `new-first`; without it, the file decides
    #[arg(long, value_name = "ORDER", requires = "weights")]
    pub(crate) channel_order: Option<ChannelOrder>,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// What a file of parameters cannot say.
#[derive(clap::Args, Debug)]
pub(crate) struct ReadingArgs {
    /// What stands behind the last batch norm, as `relu, avg, linear, relu, linear`; numbers may be left out. Keras and ONNX
    /// files say it themselves
    #[arg(long, value_name = "LAYERS")]
    head: Option<HeadSpec>,
    /// Read the DenseNet out of a module of a larger network, such as `encoder`, without a classifier
    #[arg(long, value_name = "MODULE", conflicts_with = "head")]
    part: Option<String>,
}

impl ReadingArgs {
    /// Adds what was stated.
    pub(crate) fn state(&self, options: OpenOptions) -> OpenOptions {
        options.head(self.head.clone()).part(self.part.clone())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none() && self.part.is_none()
    }
}

/// Says on stderr what was assumed about a file.
#[allow(clippy::print_stderr, reason = "warnings go to stderr")]
pub(crate) fn warn(origin: &Origin) {
    for warning in &origin.warnings {
        let path = origin.path.as_ref().map_or(String::new(), |path| format!("{}: ", path.display()));
        eprintln!("warning: {path}{warning}");
    }
}

impl SourceArgs {
    /// Fetches published weights that are not in the cache; whether there were any.
    pub(crate) fn fetch(&self) -> anyhow::Result<bool> {
        let located = self.weights.as_deref().map(|path| self.network.locate(path)).transpose()?;
        Ok(located.is_some_and(|located| located.fetched))
    }

    /// Reads or makes the weights. `seed` is used for `--arch` alone; without one, `--arch` alone is wrong usage.
    pub(crate) fn open(&self, seed: Option<u64>) -> anyhow::Result<Weights> {
        let options = OpenOptions::default().eps(self.eps).channel_order(self.channel_order);
        if let Some(path) = &self.weights {
            let path = self.network.locate(path)?.path;
            let options = self.reading.state(options.architecture(self.arch.clone()));
            let weights = weights::open_with(path, &options)?;
            warn(weights.origin());
            return Ok(weights);
        }
        if !self.reading.is_empty() {
            return Err(Usage::error("--head and --part say how a file is read: add --weights FILE"));
        }
        let Some(architecture) = &self.arch else {
            return Ok(weights::embedded_with(&options)?);
        };
        let Some(seed) = self.random.or(seed) else {
            return Err(Usage::error(
                "--arch names a network without weights: add --weights FILE, or --random SEED for random weights",
            ));
        };
        let mut architecture = architecture.clone();
        architecture.eps = self.eps.unwrap_or(architecture.eps);
        Ok(Weights::random(&architecture, seed)?)
    }
}

/// Parses a batch norm's epsilon.
pub(crate) fn epsilon(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|eps| *eps > 0.0 && *eps < 1.0)
        .ok_or_else(|| "a number between 0 and 1 is expected, such as 1e-5".to_string())
}

/// The input size that goes with a preprocessing; ImageNet's if it leaves sizes alone.
pub(crate) fn natural_size(preprocessing: &Preprocessing) -> InputSize {
    preprocessing.size().unwrap_or(InputSize::square(224))
}

/// A network's name, or `densenet` if it has none.
pub(crate) fn name_of(architecture: &Architecture) -> &str {
    if architecture.name.is_empty() { "densenet" } else { &architecture.name }
}
