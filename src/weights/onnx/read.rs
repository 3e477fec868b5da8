//! From an ONNX file to named tensors and statements.

use std::path::Path;

use super::super::names::{Names, Scheme};
use super::super::source::Source;
use super::build;
use super::external::Folder;
use super::messages;

/// Reads a model. `path` is where it is, if it is a file.
pub(in crate::weights) fn read<'a>(bytes: &'a [u8], path: Option<&Path>) -> Result<Source<'a>, String> {
    let model = messages::model(bytes)?;
    let mut warnings = Vec::new();
    let reading = build::graph(model, Folder::of(path), bytes.len(), &mut warnings)?.read()?;
    warnings.extend(reading.warnings);
    Ok(Source {
        names: Some(Names::new(Scheme::OnnxModel, reading.canonical)),
        stated: reading.stated,
        pictures: Some(reading.pictures),
        warnings,
        ordered: true,
        pads_by_kernel: false,
        ..Source::new("ONNX model", reading.entries)
    })
}
