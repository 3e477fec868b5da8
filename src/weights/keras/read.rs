//! Opening Keras' files, and what each kind of them says.

use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read};

use super::super::large_stack::on_large_stack;
use super::super::names::{self, Names, Scheme};
use super::super::source::{Entry, Source};
use super::super::statements::Statements;
use super::convert::{self, Kernels};
use super::graph::Graph;
use super::hdf5::{self, Container};
use super::layers::{self, Layer, Layers, Part};
use super::neutral::{self, Tensors};
use crate::architecture::Padding;
use crate::pause::{Pause, at_once};

/// Reads a file that begins as HDF5 or is a `.keras` archive.
pub(in crate::weights) async fn read(bytes: &[u8], pause: &Pause) -> Result<Source<'static>, String> {
    // A browser has no larger stack, and only a browser needs rests.
    match cfg!(target_family = "wasm") {
        true => file(bytes, pause).await,
        false => on_large_stack(|| at_once(file(bytes, &Pause::default()))),
    }
}

async fn file(bytes: &[u8], pause: &Pause) -> Result<Source<'static>, String> {
    if bytes.starts_with(b"PK") { archive(bytes, pause).await } else { hdf5_file(bytes.to_vec(), pause).await }
}

/// The configuration of DenseNet-264 has 1 MB.
const MAX_CONFIGURATION_BYTES: u64 = 16 << 20;

async fn archive(bytes: &[u8], pause: &Pause) -> Result<Source<'static>, String> {
    let length = bytes.len() as u64;
    // As in pytorch/archive.rs: an archive begins where its file does.
    let config = zip::read::Config { archive_offset: zip::read::ArchiveOffset::Known(0) };
    let mut archive = zip::ZipArchive::with_config(config, Cursor::new(bytes))
        .map_err(|e| format!("a damaged .keras archive: {e}"))?;
    let configuration = member(&mut archive, "config.json", length, |_| MAX_CONFIGURATION_BYTES, pause).await?;
    let configuration = String::from_utf8(configuration).map_err(|_| "its config.json is no UTF-8 text")?;
    // Deflate shrinks zeros a thousandfold, but weights hardly at all.
    let weights = member(&mut archive, "model.weights.h5", length, |packed| 16 * packed + (1 << 20), pause).await?;
    drop(archive);
    let model = Graph::parse(&configuration)?;
    pause.rest().await;
    let mut container = Container::open(weights)?;
    pause.rest().await;
    let layers = layers::keras3(&container, model.as_ref())?;
    let model = model.map(|model| (model, "config.json"));
    source("Keras 3 model (.keras)", &mut container, layers, model, Kernels::Hwio, pause).await
}

/// What is unpacked between two rests.
const PART_BYTES: u64 = 1 << 20;

/// A member of an archive of `length` bytes. `most` gives the bytes that are allowed for its packed size.
async fn member(
    archive: &mut zip::ZipArchive<Cursor<&[u8]>>,
    name: &str,
    length: u64,
    most: impl Fn(u64) -> u64,
    pause: &Pause,
) -> Result<Vec<u8>, String> {
    let file = archive.by_name(name).map_err(|e| format!("its member {name} cannot be read: {e}"))?;
    let (size, packed) = (file.size(), file.compressed_size());
    if size > most(packed.min(length)) {
        return Err(format!(
            "its member {name} of {packed} bytes announces {size} unpacked: damaged, or no Keras model"
        ));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    let mut file = file.take(size);
    loop {
        pause.rest().await;
        let part = (&mut file).take(PART_BYTES).read_to_end(&mut bytes);
        match part.map_err(|e| format!("its member {name} cannot be unpacked: {e}"))? {
            0 => return Ok(bytes),
            _ => continue,
        }
    }
}

async fn hdf5_file(bytes: Vec<u8>, pause: &Pause) -> Result<Source<'static>, String> {
    pause.rest().await;
    let mut container = Container::open(bytes)?;
    pause.rest().await;
    let root = container.root();
    let attributes = hdf5::attributes(&root)?;
    let configuration = hdf5::string(&attributes, "model_config");
    let model = configuration.map(|text| Graph::parse(&text)).transpose()?.flatten();
    let weights = hdf5::subgroup(&root, "model_weights");
    let whole = weights.is_some();
    let group = weights.unwrap_or(root);
    let attributes = if whole { hdf5::attributes(&group)? } else { attributes };
    if let Some(names) = hdf5::strings(&attributes, "layer_names") {
        let folder = container.folder(group, &layers::STATE)?;
        let layers = layers::legacy(&folder, &names, model.as_ref())?;
        let model = model.map(|model| (model, "model_config"));
        let format = if whole { "Keras model (.h5)" } else { "Keras weights (.h5)" };
        let kernels = kernels(&layers.layers, hdf5::string(&attributes, "backend").as_deref())?;
        return source(format, &mut container, layers, model, kernels, pause).await;
    }
    if attributes.contains_key("nb_layers") {
        return Err(
            "weights of Keras before 1.0, which have no layer names: load and save them with a later version".into()
        );
    }
    let layers = layers::keras3(&container, None)?;
    source("Keras 3 weights (.weights.h5)", &mut container, layers, None, Kernels::Hwio, pause).await
}

/// Keras 1 kept kernels in its backend's layout: Theano's are `[out, in, height, width]`, and turned by 180 degrees.
fn kernels(layers: &[Layer], backend: Option<&str>) -> Result<Kernels, String> {
    let kernels = layers.iter().flat_map(|layer| &layer.parts).filter(|(part, _)| *part == Part::Kernel);
    let shapes: Vec<Vec<u64>> =
        kernels.filter_map(|(_, dataset)| dataset.shape().ok()).filter(|shape| shape.len() == 4).collect();
    let windows = |axis: usize| shapes.iter().all(|shape| shape[axis] == shape[axis + 1] && shape[axis] <= 15);
    if shapes.is_empty() || windows(0) || !windows(2) {
        return Ok(Kernels::Hwio);
    }
    match backend {
        Some("theano") => Ok(Kernels::Theano),
        backend => Err(format!(
            "its kernels are [out, in, height, width], but its backend is {}: only Theano's are known to be turned by 180 \
             degrees; load it with the Keras that wrote it, and save it in TensorFlow's order",
            backend.map_or("not stated".into(), |name| format!("'{name}'"))
        )),
    }
}

async fn source(
    format: &'static str,
    container: &mut Container,
    layers: Layers,
    model: Option<(Graph, &str)>,
    kernels: Kernels,
    pause: &Pause,
) -> Result<Source<'static>, String> {
    let Layers { layers, ordered } = layers;
    let found = Source { ordered, pads_by_kernel: false, ..Source::new(format, Vec::new()) };
    let Some((model, place)) = model else {
        let by_layer = convert::entries(container, &layers, Some(&scales(&layers)?), kernels, pause).await?;
        let defaults = unconfigured(&by_layer);
        return Ok(Source { defaults, entries: by_layer.into_iter().flatten().collect(), ..found });
    };
    let by_layer = convert::entries(container, &layers, None, kernels, pause).await?;
    pause.rest().await;
    described(found, &model, place, &layers, by_layer)
}

/// A model whose configuration says which tensor is which.
fn described(
    found: Source<'static>,
    model: &Graph,
    place: &str,
    layers: &[Layer],
    by_layer: Vec<Vec<Entry<'static>>>,
) -> Result<Source<'static>, String> {
    let names: Vec<&str> = by_layer.iter().flatten().map(|entry| entry.name.as_str()).collect();
    // Where layers are named as in a known library, its preprocessing goes with them.
    let scheme = names::recognise(&names).ok().flatten().map_or(Scheme::KerasModel, |names| names.scheme);
    let mut entries = Vec::new();
    let mut tensors: Tensors = HashMap::new();
    let mut owners: Vec<&Layer> = Vec::new();
    for (layer, own) in layers.iter().zip(by_layer) {
        let node = layer.node.ok_or_else(|| format!("layer '{}' is not in the model's configuration", layer.name))?;
        for entry in own {
            let part = entry.name.rsplit('.').next().unwrap_or_default().to_string();
            tensors.entry(node).or_default().insert(part, entries.len());
            entries.push(entry);
            owners.push(layer);
        }
    }
    let reading = neutral::graph(model, entries, &tensors, place)?.read()?;
    Ok(Source {
        names: Some(Names::new(scheme, reading.canonical)),
        ignored: unused(&owners, &reading.used, model),
        entries: reading.entries,
        stated: reading.stated,
        pictures: Some(reading.pictures),
        warnings: reading.warnings,
        ..found
    })
}

/// Layers whose weights the result does not depend on. `owners` are the layers of the tensors.
fn unused(owners: &[&Layer], used: &[bool], model: &Graph) -> Vec<String> {
    let needed: HashSet<Option<usize>> =
        owners.iter().zip(used).filter(|(_, used)| **used).map(|(layer, _)| layer.node).collect();
    let is_layer = |layer: &Layer| {
        layer.node.is_some_and(|node| {
            matches!(model.nodes[node].class.as_str(), "Conv2D" | "Convolution2D" | "Dense" | "BatchNormalization")
        })
    };
    let mut names: Vec<String> = Vec::new();
    for layer in owners.iter().filter(|layer| !needed.contains(&layer.node) && is_layer(layer)) {
        if names.last() != Some(&layer.name) {
            names.push(layer.name.clone());
        }
    }
    names
}

/// The batch norm that each Scale layer follows: by name, or the n-th for the n-th.
fn scales(layers: &[Layer]) -> Result<HashMap<usize, usize>, String> {
    let is_norm = |layer: &Layer| layer.has(Part::Variance);
    let is_scale = |layer: &Layer| layer.has(Part::Gamma) && layer.has(Part::Beta) && layer.parts.len() == 2;
    let of = |is: &dyn Fn(&Layer) -> bool| (0..layers.len()).filter(|&i| is(&layers[i])).collect::<Vec<_>>();
    let (norms, scales) = (of(&is_norm), of(&is_scale));
    let mut pairs = HashMap::new();
    let by_name: HashMap<&str, usize> = norms.iter().map(|&norm| (layers[norm].name.as_str(), norm)).collect();
    for &scale in &scales {
        let base = layers[scale].name.strip_suffix("_scale");
        if let Some(norm) = base.and_then(|base| by_name.get(format!("{base}_bn").as_str())) {
            pairs.insert(scale, *norm);
        }
    }
    if pairs.is_empty() && scales.len() == norms.len() {
        pairs.extend(scales.iter().copied().zip(norms.iter().copied()));
    }
    match scales.iter().find(|scale| !pairs.contains_key(scale)) {
        Some(&lone) => {
            Err(format!("the Scale layer '{}' belongs to no batch norm ('.._scale' to '.._bn')", layers[lone].name))
        }
        None => Ok(pairs),
    }
}

/// Defaults for weights alone, where no naming scheme has any.
fn unconfigured(entries: &[Vec<Entry>]) -> Statements {
    let names: Vec<&str> = entries.iter().flatten().map(|entry| entry.name.as_str()).collect();
    if names::recognise(&names).is_ok_and(|names| names.is_some()) {
        return Statements::default();
    }
    if has_the_shapes_of_applications(entries) {
        Statements {
            eps: Some(Scheme::KerasApplications.eps()),
            stem_padding: Some(Padding::all(3)),
            ..Statements::from("default of keras.applications, whose shapes these are")
        }
    } else {
        let from = "default of Keras' BatchNormalization: the file states none; --eps states another";
        Statements { eps: Some(Scheme::KerasModel.eps()), ..Statements::from(from) }
    }
}

/// Whether these are the convolutions of keras.applications' DenseNet121, 169 or 201. Weight files of early Keras 3 lack
/// their names.
fn has_the_shapes_of_applications(entries: &[Vec<Entry>]) -> bool {
    let convolutions: Vec<&[usize]> =
        entries.iter().flatten().map(|entry| entry.shape.as_slice()).filter(|shape| shape.len() == 4).collect();
    matches!(convolutions.len(), 120 | 168 | 200)
        && convolutions.contains(&&[64, 3, 7, 7][..])
        && convolutions.iter().filter(|shape| shape[2] == 3).all(|shape| shape[..2] == [32, 128])
}
