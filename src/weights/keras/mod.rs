//! Weight files and models of Keras: HDF5 in the layouts of Keras 1, 2 and 3, and `.keras` archives.

mod convert;
mod graph;
mod hdf5;
mod layers;
mod meter;
mod network;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};

use self::convert::Kernels;
use self::graph::Graph;
use self::hdf5::Container;
use self::layers::{Layer, Layers, Part};
use self::network::Network;
use super::contained::contained;
use super::names::{self, KERAS_EPS, Names, Scheme};
use super::source::{Entry, Source, Stated};
use crate::architecture::Padding;

/// Reads a file that begins as HDF5 or is a `.keras` archive.
pub(super) fn read(bytes: &[u8]) -> Result<Source<'static>, String> {
    contained(|| if bytes.starts_with(b"PK") { archive(bytes) } else { hdf5_file(bytes.to_vec()) })
}

/// The configuration of DenseNet-264 has 1 MB.
const MAX_CONFIGURATION_BYTES: u64 = 16 << 20;

fn archive(bytes: &[u8]) -> Result<Source<'static>, String> {
    let length = bytes.len() as u64;
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| format!("a damaged .keras archive: {e}"))?;
    let configuration = member(&mut archive, "config.json", length, |_| MAX_CONFIGURATION_BYTES)?;
    let configuration = String::from_utf8(configuration).map_err(|_| "its config.json is no UTF-8 text")?;
    // Deflate makes zeros a thousand times smaller, but weights hardly.
    let weights = member(&mut archive, "model.weights.h5", length, |packed| 16 * packed + (1 << 20))?;
    drop(archive);
    let model = Model::parse(&configuration, "config.json")?;
    let mut container = Container::open(weights)?;
    let layers = layers::keras3(&container, model.as_ref().map(|model| &model.graph))?;
    source("Keras 3 model (.keras)", &mut container, layers, model, Kernels::Hwio)
}

/// A file of an archive of `length` bytes, of as many bytes as `most` allows for its packed size.
fn member(
    archive: &mut zip::ZipArchive<Cursor<&[u8]>>,
    name: &str,
    length: u64,
    most: impl Fn(u64) -> u64,
) -> Result<Vec<u8>, String> {
    let file = archive.by_name(name).map_err(|e| format!("its member {name} cannot be read: {e}"))?;
    let (size, packed) = (file.size(), file.compressed_size());
    if size > most(packed.min(length)) {
        return Err(format!(
            "its member {name} of {packed} bytes announces {size} unpacked: damaged, or no Keras model"
        ));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(size).read_to_end(&mut bytes).map_err(|e| format!("its member {name} cannot be unpacked: {e}"))?;
    Ok(bytes)
}

fn hdf5_file(bytes: Vec<u8>) -> Result<Source<'static>, String> {
    let mut container = Container::open(bytes)?;
    let root = container.root();
    let attributes = hdf5::attributes(&root)?;
    let configuration = hdf5::string(&attributes, "model_config");
    let model = configuration.map(|text| Model::parse(&text, "model_config")).transpose()?.flatten();
    let weights = hdf5::subgroup(&root, "model_weights");
    let whole = weights.is_some();
    let group = weights.unwrap_or(root);
    let attributes = if whole { hdf5::attributes(&group)? } else { attributes };
    if let Some(names) = hdf5::strings(&attributes, "layer_names") {
        let folder = container.folder(group, &layers::STATE)?;
        let layers = layers::legacy(&folder, &names, model.as_ref().map(|model| &model.graph))?;
        let format = if whole { "Keras model (.h5)" } else { "Keras weights (.h5)" };
        let kernels = kernels(&layers.layers, hdf5::string(&attributes, "backend").as_deref())?;
        return source(format, &mut container, layers, model, kernels);
    }
    if attributes.contains_key("nb_layers") {
        return Err(
            "weights of Keras before 1.0, which kept no layers' names: load and save them with a later one".into()
        );
    }
    let layers = layers::keras3(&container, None)?;
    source("Keras 3 weights (.weights.h5)", &mut container, layers, None, Kernels::Hwio)
}

/// Keras 1 kept kernels as its backend has them: Theano's are `[out, in, height, width]`, and turned.
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
            "its kernels stand as [out, in, height, width], but its backend is {}: only Theano's are known to be turned by \
             180 degrees; load it with the Keras that wrote it, and save it with TensorFlow's order",
            backend.map_or("not stated".into(), |name| format!("'{name}'"))
        )),
    }
}

/// What a whole model says about itself.
struct Model {
    graph: Graph,
    network: Network,
}

impl Model {
    /// None where the configuration does not list the model's layers.
    fn parse(text: &str, from: &str) -> Result<Option<Model>, String> {
        let Some(graph) = Graph::parse(text)? else { return Ok(None) };
        let network = Network::read(&graph, from)?;
        Ok(Some(Model { graph, network }))
    }
}

fn source(
    format: &'static str,
    container: &mut Container,
    found: Layers,
    model: Option<Model>,
    kernels: Kernels,
) -> Result<Source<'static>, String> {
    let Layers { layers, ordered } = found;
    let scales = scales(&layers, model.as_ref())?;
    let by_layer = convert::entries(container, &layers, &scales, kernels)?;
    let stated = match model {
        Some(model) => configured(model.network, &layers, &by_layer)?,
        None => unconfigured(&by_layer),
    };
    let entries = by_layer.into_iter().flatten().collect();
    Ok(Source { format, entries, metadata: BTreeMap::new(), ordered, stated })
}

/// For each Scale layer the batch norm that it follows: by the graph, by their names, or one for each in their order.
fn scales(layers: &[Layer], model: Option<&Model>) -> Result<HashMap<usize, usize>, String> {
    let is_norm = |layer: &Layer| layer.has(Part::Variance);
    let is_scale = |layer: &Layer| layer.has(Part::Gamma) && layer.has(Part::Beta) && layer.parts.len() == 2;
    let of = |is: &dyn Fn(&Layer) -> bool| (0..layers.len()).filter(|&i| is(&layers[i])).collect::<Vec<_>>();
    let (norms, scales) = (of(&is_norm), of(&is_scale));
    let mut pairs = HashMap::new();
    if let Some(model) = model {
        let by_node: HashMap<usize, usize> =
            layers.iter().enumerate().filter_map(|(i, layer)| Some((layer.node?, i))).collect();
        for &scale in &scales {
            let node = layers[scale].node.and_then(|node| model.network.scales.get(&node));
            if let Some(norm) = node.and_then(|node| by_node.get(node)) {
                pairs.insert(scale, *norm);
            }
        }
        return Ok(pairs);
    }
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

/// What the configuration says, and which tensor is which by it.
fn configured(network: Network, layers: &[Layer], entries: &[Vec<Entry>]) -> Result<Stated, String> {
    let names: Vec<&str> = entries.iter().flatten().map(|entry| entry.name.as_str()).collect();
    // The names of a known library's layers say what preprocessing goes with it.
    let scheme = names::recognise(&names).ok().flatten().map_or(Scheme::KerasModel, |names| names.scheme);
    let mut canonical = Vec::new();
    for (layer, entries) in layers.iter().zip(entries) {
        let module = layer.node.and_then(|node| network.modules.get(&node));
        if module.is_none() && !entries.is_empty() {
            return Err(format!(
                "layer '{}' has weights, but no place in the network of its configuration",
                layer.name
            ));
        }
        canonical.extend(entries.iter().map(|entry| {
            let part = entry.name.rsplit('.').next().unwrap_or_default();
            module.map(|module| format!("{module}.{part}"))
        }));
    }
    let names = Names { scheme, prefix: String::new(), canonical, order: network.order, notes: Vec::new() };
    Ok(Stated { names: Some(names), ..network.stated })
}

/// What can be said about weights alone: their epsilon, where no scheme of names tells it.
fn unconfigured(entries: &[Vec<Entry>]) -> Stated {
    let names: Vec<&str> = entries.iter().flatten().map(|entry| entry.name.as_str()).collect();
    if names::recognise(&names).is_ok_and(|names| names.is_some()) {
        return Stated::default();
    }
    let (eps, stem_padding, from) = if has_the_shapes_of_applications(entries) {
        let padding = Some(Padding::all(3));
        (Scheme::KerasApplications.eps(), padding, "default of keras.applications, whose shapes these are")
    } else {
        (KERAS_EPS, None, "default of Keras' BatchNormalization: the file states none; --eps states another")
    };
    Stated { eps: Some(eps), stem_padding, from: from.into(), ..Stated::default() }
}

/// Whether these are the convolutions of keras.applications' DenseNet121, 169 or 201: Keras 3's weight files may lack its
/// names.
fn has_the_shapes_of_applications(entries: &[Vec<Entry>]) -> bool {
    let convolutions: Vec<&[usize]> =
        entries.iter().flatten().map(|entry| entry.shape.as_slice()).filter(|shape| shape.len() == 4).collect();
    matches!(convolutions.len(), 120 | 168 | 200)
        && convolutions.contains(&&[64, 3, 7, 7][..])
        && convolutions.iter().filter(|shape| shape[2] == 3).all(|shape| shape[..2] == [32, 128])
}

#[cfg(test)]
mod tests;
