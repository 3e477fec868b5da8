//! The command line.

use std::path::PathBuf;

/// Look inside a DenseNet while it runs
///
/// What is not given is as it was when the app was last closed.
#[derive(clap::Parser, Clone, Debug, Default)]
#[command(
    name = "densenet-desktop",
    version,
    after_help = "Examples:
  densenet-desktop
  densenet-desktop photo.jpg --weights densenet121.safetensors
  densenet-desktop holiday/ --adapter llvmpipe"
)]
pub(crate) struct Arguments {
    /// A picture, or a folder of pictures
    pub(crate) picture: Option<PathBuf>,
    /// A weight file: .safetensors, .pth, .pt, .bin, .h5 or .keras; `embedded` for the digit model
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// `cpu` for the CPU engine, part of an adapter's name, or its index; without it a GPU, else the CPU engine
    #[arg(long, value_name = "NAME")]
    pub(crate) adapter: Option<String>,
    /// Share the window's device even on a software adapter; frames then wait for the network
    #[arg(long)]
    pub(crate) one_device: bool,
    /// Write the window's content and frame times to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}
