//! Weight files in the safetensors format.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use ::safetensors::{Dtype, SafeTensorError, SafeTensors};
use half::f16;
use serde_json::json;

use super::metadata::{ARCHITECTURE, CHANNEL_ORDER, LABELS, PRESET};
use super::network::Weights;
use super::order::ChannelOrder;
use super::source::{Entry, Number, Source};
use super::timm;
use crate::error::{Error, Result};
use crate::files::AtomicFile;
use crate::precision::Precision;

/// Parsed, a header occupies ten times its bytes and more. DenseNet-264's has 0.25 MB; the names of ImageNet-22k's classes
/// take 2 MB.
const MAX_HEADER_BYTES: u64 = 8 << 20;

/// Reads the header; tensors stay where they are.
pub(super) fn read(bytes: &[u8]) -> Result<Source<'_>, String> {
    let announced = bytes.first_chunk().map_or(0, |n| u64::from_le_bytes(*n));
    // A header that exceeds the file is a damaged file's: the reader says so.
    if announced > MAX_HEADER_BYTES && announced < bytes.len() as u64 {
        return Err(format!(
            "its header has {announced} bytes, and at most {MAX_HEADER_BYTES} are read: no DenseNet needs more"
        ));
    }
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(|e| reason(&e, bytes))?;
    let data = &bytes[8 + length..];
    let mut entries: Vec<Entry> = header
        .tensors()
        .into_iter()
        .map(|(name, info)| Entry {
            name,
            shape: info.shape.clone(),
            number: match info.dtype {
                Dtype::F32 => Number::F32,
                Dtype::F64 => Number::F64,
                Dtype::F16 => Number::F16,
                Dtype::BF16 => Number::BF16,
                other => Number::Other(format!("{other:?}")),
            },
            bytes: Cow::Borrowed(&data[info.data_offsets.0..info.data_offsets.1]),
        })
        .collect();
    // The crate's order is a hash map's. Sorted, the same file always gives the same error.
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let stated = timm::in_metadata(&metadata);
    Ok(Source { metadata, stated, ..Source::new("safetensors", entries) })
}

fn reason(error: &SafeTensorError, bytes: &[u8]) -> String {
    let announced = bytes.first_chunk().map_or(0, |n| u64::from_le_bytes(*n));
    let length = bytes.len();
    match error {
        SafeTensorError::HeaderTooLarge => {
            "a damaged safetensors file, or another kind of file: the length of its header is out of range".into()
        }
        SafeTensorError::InvalidHeaderLength => format!(
            "a truncated safetensors file: it announces a header of {announced} bytes and has {length} in all; fetch it \
             again"
        ),
        SafeTensorError::InvalidHeader(_) | SafeTensorError::InvalidHeaderDeserialization(_) => {
            format!("a damaged safetensors file: its header of {announced} bytes cannot be read ({error})")
        }
        SafeTensorError::MetadataIncompleteBuffer => {
            format!("truncated or damaged: its tensors do not fill its {length} bytes exactly; fetch it again")
        }
        other => format!("a damaged safetensors file ({other}): fetch it again"),
    }
}

/// A safetensors file's bytes. It has canonical names, and architecture, preprocessing and labels in its metadata: nothing
/// is inferred when it is opened. The same weights always give the same bytes.
///
/// # Errors
/// [`Error::Weights`] where f16 cannot hold a weight, which is beyond 65504.
pub fn to_safetensors(weights: &Weights, storage: Precision) -> Result<Vec<u8>> {
    let mut metadata = BTreeMap::from([
        ("format", "pt".to_string()),
        (ARCHITECTURE, json!(weights.architecture()).to_string()),
        (CHANNEL_ORDER, ChannelOrder::NewLast.to_string()),
    ]);
    if let Some(preprocessing) = &weights.preprocessing {
        metadata.insert(PRESET, preprocessing.clone());
    }
    if let Some(labels) = weights.labels() {
        metadata.insert(LABELS, json!(labels).to_string());
    }
    let mut header = serde_json::Map::from_iter([("__metadata__".to_string(), json!(metadata))]);
    let mut data = Vec::new();
    for (name, tensor) in weights.tensors() {
        let start = data.len();
        let half = storage == Precision::F16 && tensor.shape.len() > 1;
        if half {
            for &value in &tensor.data {
                let stored = f16::from_f32(value);
                if !stored.is_finite() {
                    return Err(Error::Weights(format!(
                        "tensor '{name}' holds {value}, beyond f16's 65504: store these weights in f32"
                    )));
                }
                data.extend(stored.to_le_bytes());
            }
        } else {
            data.extend(tensor.data.iter().flat_map(|value| value.to_le_bytes()));
        }
        let dtype = if half { "F16" } else { "F32" };
        header.insert(
            name.clone(),
            json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, data.len()] }),
        );
    }
    let mut header = serde_json::Value::Object(header).to_string();
    // The format wants the tensors after it aligned to 8 bytes.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.into_bytes());
    bytes.append(&mut data);
    Ok(bytes)
}

/// Writes what [`to_safetensors`] yields in f32, as an [`AtomicFile`]: an existing file is replaced whole or, after an
/// error, not at all.
///
/// # Errors
/// Those of [`AtomicFile::write`].
pub fn save_safetensors(weights: &Weights, path: impl AsRef<Path>) -> Result<()> {
    let bytes = to_safetensors(weights, Precision::F32)?;
    AtomicFile::new(path.as_ref()).write(|file| file.write_all(&bytes)).map(drop)
}
