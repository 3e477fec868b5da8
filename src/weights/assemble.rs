//! From a file's tensors to [`Weights`]: names, architecture, shapes, then values.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::metadata::{LABELS, Metadata};
use super::names::{Names, Scheme};
use super::order::{ChannelOrder, Readers};
use super::source::{Entry, Source};
use super::{Fact, OpenOptions, Origin, Tensor, Weights, bias, check, extras, infer, names, structure};

/// Takes the source apart: what a tensor's bytes occupy is given back as soon as they are decoded.
pub(super) fn assemble(source: Source, options: &OpenOptions) -> Result<Weights, String> {
    let Source { format, entries, metadata, ordered, mut stated } = source;
    let metadata = Metadata::read(&metadata)?;
    let has_metadata = metadata.architecture.is_some();
    let names = match stated.names.take() {
        Some(names) => names,
        None => recognise(&entries, ordered)?,
    };
    let mut entries: BTreeMap<&str, Entry> = (names.canonical.iter().zip(entries))
        .filter_map(|(name, entry)| name.as_deref().map(|name| (name, entry)))
        .collect();
    let shapes: infer::Shapes = entries.iter().map(|(name, entry)| (*name, entry.shape.as_slice())).collect();
    let note = |reason: String| match names.prefix.as_str() {
        "" => reason,
        prefix => format!("{reason}; names stand here without the file's prefix '{prefix}'"),
    };
    let (architecture, mut facts) =
        infer::architecture(&shapes, metadata.architecture, &stated, names.scheme, options).map_err(note)?;
    // TensorFlow's padding of such a stem depends on the picture, ZeroPadding2D's does not: a guess would be silent.
    let guessed = names.scheme == Scheme::Structure && !has_metadata && options.architecture.is_none();
    if guessed && format.starts_with("Keras") && architecture.stem.kernel > 3 && stated.stem_padding.is_none() {
        let kernel = architecture.stem.kernel;
        return Err(format!(
            "recognised by structure, but how its {kernel}x{kernel} stem is padded only the model's configuration says: save \
             the whole model, or give the architecture"
        ));
    }
    // Before the walk, which a made-up number of layers would make long.
    if architecture.layers.iter().sum::<usize>() > entries.len() {
        return Err(format!("{} tensors are too few for layers {:?}", entries.len(), architecture.layers));
    }
    let parameters = architecture.parameters().map_err(|e| e.to_string())?;
    let ignored: BTreeSet<String> = extras::ignored(&parameters, &shapes);
    let biases = bias::of_convolutions(&parameters, &shapes);
    let needed = shapes.into_iter().filter(|(name, _)| !ignored.contains(*name) && !biases.contains(*name));
    let needed: infer::Shapes = needed.collect();
    extras::head(&parameters, &needed).map_err(note)?;
    check::shapes(&parameters, needed.into_iter()).map_err(note)?;
    entries.retain(|name, _| !ignored.contains(*name));

    let mut tensors = entries
        .into_par_iter()
        .map(|(name, entry)| {
            let data = entry.decode()?;
            Ok((name.to_string(), Tensor { shape: entry.shape, data }))
        })
        .collect::<Result<BTreeMap<_, _>, String>>()?;
    check::values(&tensors).map_err(note)?;
    let (order, order_from) = [
        (options.channel_order, "option".to_string()),
        (metadata.order, "metadata".into()),
        (names.order, stated.from.clone()),
        (ChannelOrder::of_statistics(&architecture, &tensors), "running statistics".into()),
    ]
    .into_iter()
    .find_map(|(order, from)| Some((order?, from)))
    .unwrap_or_else(|| (ChannelOrder::NewLast, format!("default of {}", names.scheme)));
    if order == ChannelOrder::NewFirst {
        let readers = Readers::of(&architecture);
        tensors = tensors.into_par_iter().map(|(name, tensor)| readers.to_new_last(name, tensor)).collect();
    }
    if !biases.is_empty() {
        bias::fold(&architecture, &mut tensors);
        check::values(&tensors).map_err(note)?;
    }
    let labels = match metadata.labels {
        Some(labels) => {
            check::labels(&architecture, &labels).map_err(|reason| format!("metadata {LABELS}: {reason}"))?;
            Some(labels)
        }
        None => stated.labels.filter(|labels| check::labels(&architecture, labels).is_ok()),
    };

    let mut fact = |what: &str, value: String, from: String| facts.push(Fact { what: what.into(), value, from });
    fact("channel order", order.to_string(), order_from);
    let preprocessing = (metadata.preprocessing.map(|preprocessing| (preprocessing, "metadata".to_string())))
        .or(stated.preprocessing.map(|preprocessing| (preprocessing, stated.from.clone())))
        .or(names.scheme.preprocessing().map(|name| (name.into(), format!("goes with {}", names.scheme))));
    if let Some((preprocessing, from)) = &preprocessing {
        fact("preset", preprocessing.as_str().map_or_else(|| preprocessing.to_string(), str::to_string), from.clone());
    }
    if !biases.is_empty() {
        let value = format!("{}, taken off the means of the batch norms behind them", biases.len());
        fact("convolutions with a bias", value, "tensor shapes".into());
    }
    let ignored = ignored.into_iter().chain(stated.ignored).collect::<Vec<_>>();
    if !ignored.is_empty() {
        fact("ignored", extras::listed(&ignored), "not the network's".into());
    }
    for note in names.notes {
        fact("reading", note, "recognised by structure".into());
    }
    let mut scheme = names.scheme.to_string();
    if !names.prefix.is_empty() {
        scheme += &format!(", behind '{}'", names.prefix);
    }
    let origin = Origin { path: None, format: format.into(), scheme, facts };
    Ok(Weights {
        architecture,
        tensors,
        preprocessing: preprocessing.map(|(preprocessing, _)| preprocessing),
        labels,
        origin,
    })
}

/// What no DenseNet comes near. They keep the work on hostile names bounded.
const MAX_TENSORS: usize = 20_000;
const MAX_NAME_BYTES: usize = 400;

/// By a naming scheme, else by structure.
fn recognise(entries: &[Entry], ordered: bool) -> Result<Names, String> {
    if entries.len() > MAX_TENSORS {
        return Err(format!("{} tensors, of which a DenseNet has at most {MAX_TENSORS}", entries.len()));
    }
    if let Some(long) = entries.iter().find(|entry| entry.name.len() > MAX_NAME_BYTES) {
        let beginning: String = long.name.chars().take(40).collect();
        let length = long.name.len();
        return Err(format!("a tensor's name of {length} bytes ('{beginning}..'): at most {MAX_NAME_BYTES} are read"));
    }
    let file_names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    if let Some(names) = names::recognise(&file_names)? {
        return Ok(names);
    }
    let shapes: Vec<(&str, &[usize])> = entries.iter().map(|e| (e.name.as_str(), e.shape.as_slice())).collect();
    let reading = structure::recognise(&shapes, ordered)
        .map_err(|reason| format!("{}, nor one by structure: {reason}", names::unknown(&file_names)))?;
    Ok(Names::from_structure(reading))
}
