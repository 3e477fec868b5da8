//! `densenet run`: raw tensors in, logits out.

use std::io::Write as _;
use std::path::PathBuf;

use densenet_wgpu::files::AtomicFile;
use densenet_wgpu::{CLASS_MAPS, ClassifierOptions, Error, FeatureMaps, Input, InputSize, Wanted};
use serde_json::json;

use crate::cli::adapter::AdapterArgs;
use crate::cli::finish::{Usage, Verdict, print_json};
use crate::cli::source::SourceArgs;
use crate::engine;
use crate::tensor;

/// Run a raw tensor (.npy, NCHW float32) through the network and write the logits
///
/// Writes [N, classes], or pooled features where the network has no classifier.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet run --input x.npy --output logits.npy --weights densenet121.safetensors
  densenet run --input x.npy --output y.npy --arch densenet121 --random 0 --tap features.denseblock2 --tap-output t.npy")]
pub(crate) struct Arguments {
    /// Images, [N, C, H, W] float32, prepared as the network expects them
    #[arg(long, value_name = "X.npy")]
    input: PathBuf,
    /// The file to write the logits to
    #[arg(long, value_name = "Y.npy")]
    output: PathBuf,
    /// Also write the output of this layer
    #[arg(long, value_name = "NAME", requires = "tap_output")]
    tap: Option<String>,
    /// The file to write the layer's output to, [N, C, H, W]
    #[arg(long, value_name = "T.npy", requires = "tap")]
    tap_output: Option<PathBuf>,
    /// Images in one pass; more take several passes
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = crate::cli::positive)]
    batch: usize,
    /// Print one JSON document that says what was run and written
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    adapter: AdapterArgs,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Verdict> {
    if arguments.tap_output.as_ref() == Some(&arguments.output) {
        return Err(Usage::error("--output and --tap-output name the same file: one would overwrite the other"));
    }
    // It fails before the work, not after it.
    for path in std::iter::once(&arguments.output).chain(&arguments.tap_output) {
        AtomicFile::new(path).check()?;
    }
    let images = tensor::read(&arguments.input)?;
    let weights = arguments.source.open(None)?;
    let [batch, channels, height, width] = images.shape;
    let architecture = weights.architecture().clone();
    if channels != architecture.input_channels {
        return Err(Error::file(
            &arguments.input,
            format!(
                "its shape {:?} has {channels} channels, but the network takes {}: images are [N, C, H, W]",
                images.shape, architecture.input_channels
            ),
        )
        .into());
    }
    let size = InputSize { height, width };
    let wanted = arguments.tap.as_deref().map(|tap| match tap {
        CLASS_MAPS => Wanted::ClassMaps,
        tap => Wanted::Tap(tap.to_string()),
    });
    let options = ClassifierOptions::default().batch(arguments.batch).size(size).outputs(wanted);
    let classifier = engine::open(&arguments.adapter, weights, options)?;

    let (mut values, mut maps) = (Vec::new(), None::<FeatureMaps>);
    let tensors: Vec<Input> =
        images.data.chunks(channels * height * width).map(|image| Input::tensor(image.to_vec(), size)).collect();
    for prediction in classifier.classify_many_blocking(tensors) {
        let prediction = prediction?;
        let features = prediction.features().filter(|_| architecture.classes().is_none());
        values.extend_from_slice(features.unwrap_or(&prediction.logits));
        if let Some(tap) = arguments.tap.as_deref().and_then(|name| prediction.tap(name)) {
            match &mut maps {
                Some(maps) => maps.data.extend_from_slice(&tap.data),
                None => maps = Some(tap.clone()),
            }
        }
    }
    let shape = [batch, values.len() / batch];
    tensor::write(&AtomicFile::new(&arguments.output), &shape, &values)?;
    let mut written = vec![json!({ "path": arguments.output.to_string_lossy(), "shape": shape })];
    if let (Some(path), Some(maps)) = (&arguments.tap_output, &maps) {
        let shape = [batch, maps.channels, maps.height, maps.width];
        tensor::write(&AtomicFile::new(path), &shape, &maps.data)?;
        written.push(json!({ "path": path.to_string_lossy(), "shape": shape, "tap": arguments.tap }));
    }
    if arguments.json {
        let model = engine::classifier_json(&classifier);
        print_json(&json!({ "model": model, "adapter": engine::engine_json(&classifier)?, "written": written }))?;
    } else {
        let mut out = std::io::stdout().lock();
        for file in &written {
            writeln!(out, "{} {}", file["path"].as_str().unwrap_or_default(), file["shape"])?;
        }
    }
    Ok(Verdict::Success)
}
