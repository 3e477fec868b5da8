//! Opening Keras' files, and what each kind of them says.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use super::super::large_stack::on_large_stack;
use super::super::names::{self, Names, Scheme};
use super::super::source::{Entry, Source};
use super::super::statements::Statements;
use super::convert::{self, Kernels};
use super::graph::Graph;
use super::hdf5::{self, Container};
use super::layers::{self, Layer, Layers, Part};
use super::network::Network;
use crate::architecture::Padding;

/// Reads a file that begins as HDF5 or is a `.keras` archive.
pub(in crate::weights) fn read(bytes: &[u8]) -> Result<Source<'static>, String> {
    on_large_stack(|| if bytes.starts_with(b"PK") { archive(bytes) } else { hdf5_file(bytes.to_vec()) })
}

/// The configuration of DenseNet-264 has 1 MB.
const MAX_CONFIGURATION_BYTES: u64 = 16 << 20;

fn archive(bytes: &[u8]) -> Result<Source<'static>, String> {
    let length = bytes.len() as u64;
    // As in pytorch/archive.rs: an archive begins where its file does.
    let config = zip::read::Config { archive_offset: zip::read::ArchiveOffset::Known(0) };
    let mut archive = zip::ZipArchive::with_config(config, Cursor::new(bytes))
        .map_err(|e| format!("a damaged .keras archive: {e}"))?;
    let configuration = member(&mut archive, "config.json", length, |_| MAX_CONFIGURATION_BYTES)?;
    let configuration = String::from_utf8(configuration).map_err(|_| "its config.json is no UTF-8 text")?;
    // Deflate shrinks zeros a thousandfold, but weights hardly at all.
    let weights = member(&mut archive, "model.weights.h5", length, |packed| 16 * packed + (1 << 20))?;
    drop(archive);
    let model = Model::parse(&configuration, "config.json")?;
    let mut container = Container::open(weights)?;
    let layers = layers::keras3(&container, model.as_ref().map(|model| &model.graph))?;
    source("Keras 3 model (.keras)", &mut container, layers, model, Kernels::Hwio)
}

/// A member of an archive of `length` bytes. `most` gives the bytes that are allowed for its packed size.
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
            "weights of Keras before 1.0, which have no layer names: load and save them with a later version".into()
        );
    }
    let layers = layers::keras3(&container, None)?;
    source("Keras 3 weights (.weights.h5)", &mut container, layers, None, Kernels::Hwio)
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
    layers: Layers,
    model: Option<Model>,
    kernels: Kernels,
) -> Result<Source<'static>, String> {
    let Layers { layers, ordered } = layers;
    let scales = scales(&layers, model.as_ref())?;
    let by_layer = convert::entries(container, &layers, &scales, kernels)?;
    let mut found = Source { ordered, pads_by_kernel: false, ..Source::new(format, Vec::new()) };
    match model {
        Some(model) => {
            found.names = Some(configured(&model.network, &layers, &by_layer)?);
            found.stated = model.network.stated;
        }
        None => found.defaults = unconfigured(&by_layer),
    }
    found.entries = by_layer.into_iter().flatten().collect();
    Ok(found)
}

/// The batch norm that each Scale layer follows: by the graph, by name, or the n-th for the n-th.
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

/// Which tensor is which, by the configuration.
fn configured(network: &Network, layers: &[Layer], entries: &[Vec<Entry>]) -> Result<Names, String> {
    let names: Vec<&str> = entries.iter().flatten().map(|entry| entry.name.as_str()).collect();
    // Where layers are named as in a known library, its preprocessing goes with them.
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
    Ok(Names::new(scheme, canonical))
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
