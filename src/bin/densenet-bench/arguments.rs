//! The arguments of `densenet-bench`.

use std::path::PathBuf;

use clap::Parser;
use densenet_wgpu::InputSize;

use crate::cli;
use crate::cli::adapter::AdapterArgs;
use crate::cli::output::OutputArgs;
use crate::cli::source::SourceArgs;

/// Time a network on an adapter or the CPU engine.
///
/// The first output is checked against the CPU reference (of more than 8 images 8, the first and the last among them), and
/// nothing is reported if it is wrong. Each of several batch
/// sizes runs in a process of its own, so that the time to the first logits means the same in every row.
#[derive(Parser)]
#[command(name = "densenet-bench", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Input size, N or HxW; without it, the size that the network is usually run at (224 for ImageNet's)
    #[arg(long, value_name = "N|HxW")]
    pub(crate) size: Option<InputSize>,
    /// Batch sizes, separated by commas
    #[arg(long, value_name = "N,..", default_value = "1", value_delimiter = ',', value_parser = cli::positive)]
    pub(crate) batch: Vec<usize>,
    /// Timed runs
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = cli::positive)]
    pub(crate) runs: usize,
    /// Untimed runs before the timed ones
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) warmup: usize,
    /// Add the time of every step, for the first batch size; on an adapter each step is timed in a compute pass of its own
    #[arg(long)]
    pub(crate) layers: bool,
    /// Draw the time of every step, for the first batch size, as an SVG picture with bars coloured by kernel
    #[arg(long, value_name = "F.svg", value_parser = svg_path)]
    pub(crate) plot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) overwrite: OutputArgs,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) adapter: AdapterArgs,
}

const EXAMPLES: &str = "Examples:
  densenet-bench --arch densenet121 --size 224 --batch 1,8
  densenet-bench --arch densenet121 --adapter cpu --threads 2
  densenet-bench --weights densenet121.safetensors --runs 50 --json
  densenet-bench --arch densenet121 --layers --plot layers.svg";

impl Arguments {
    /// Whether the time of every step is needed.
    pub(crate) fn times_layers(&self) -> bool {
        self.layers || self.plot.is_some()
    }
}

fn svg_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("svg") => Ok(path),
        _ => Err("an SVG picture is drawn: a path that ends in .svg is expected".into()),
    }
}
