//! The layers that have weights in a file, in any of Keras' layouts.

use std::collections::HashMap;

use hdf5_pure::Dataset;

use super::graph::{Graph, Node, Place, snake_case};
use super::hdf5::{self, Container, Folder};

/// Groups that training keeps.
pub(super) const STATE: [&str; 2] = ["optimizer", "optimizer_weights"];

/// What a tensor is to its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Kernel,
    Bias,
    Gamma,
    Beta,
    Mean,
    Variance,
}

/// A layer with weights.
pub(super) struct Layer {
    /// Its name in the model or, where the file does not state that, its path in the file.
    pub(super) name: String,
    /// Its node in the model's graph.
    pub(super) node: Option<usize>,
    pub(super) parts: Vec<(Part, Dataset)>,
}

/// Layers in the order of the file.
pub(super) struct Layers {
    pub(super) layers: Vec<Layer>,
    /// They are in the model's order, first layer first, over all kinds of layers.
    pub(super) ordered: bool,
}

impl Layer {
    pub(super) fn has(&self, part: Part) -> bool {
        self.parts.iter().any(|(p, _)| *p == part)
    }
}

/// Keras 1 and 2, and `.h5` of Keras 3: the group lists its layers' names, each layer its weights' names.
pub(super) fn legacy<'a>(root: &Folder, names: &[String], graph: Option<&'a Graph>) -> Result<Layers, String> {
    let index = graph.map(|graph| {
        let named = |(i, node): (usize, &'a Node)| ((node.models.first().map(String::as_str), node.name.as_str()), i);
        graph.nodes.iter().enumerate().map(named).collect::<Index>()
    });
    let mut layers = Vec::new();
    for name in names {
        let layer = root.at(name).ok_or_else(|| format!("layer '{name}' is listed, but has no HDF5 group"))?;
        let attributes = hdf5::attributes(&layer.group)?;
        let weights = hdf5::strings(&attributes, "weight_names")
            .ok_or_else(|| format!("layer '{name}' does not list its weights (weight_names)"))?;
        // By the layer that owns them: the group of a nested model holds the weights of all its layers.
        let mut owners: Vec<Layer> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for weight in &weights {
            let Some((owner, part)) = split(weight) else {
                // A random generator's state, and how many pictures were counted: of no use at inference.
                if weight.contains("seed_generator") || weight.contains("/count") {
                    continue;
                }
                return Err(format!("layer '{name}' holds '{weight}', which no layer of a DenseNet has"));
            };
            let dataset =
                layer.dataset(weight).ok_or_else(|| format!("tensor '{name}/{weight}' is listed, but not there"))?;
            let place = *places.entry(owner).or_insert_with(|| {
                owners.push(Layer { name: owner.into(), node: None, parts: Vec::new() });
                owners.len() - 1
            });
            owners[place].parts.push((part, dataset.clone()));
        }
        match &index {
            Some(index) => owners.iter_mut().try_for_each(|owner| find(owner, name, index))?,
            None if owners.len() == 1 => owners[0].name.clone_from(name),
            None => {}
        }
        layers.append(&mut owners);
    }
    Ok(Layers { layers, ordered: true })
}

/// `conv1/conv/kernel:0`, or `conv1_W:0` in Keras 1, as its layer and its part of it.
fn split(weight: &str) -> Option<(&str, Part)> {
    let weight = weight.rsplit_once(':').map_or(weight, |(weight, _)| weight);
    let parts = [
        ("/kernel", Part::Kernel),
        ("/bias", Part::Bias),
        ("/gamma", Part::Gamma),
        ("/beta", Part::Beta),
        ("/moving_mean", Part::Mean),
        ("/moving_variance", Part::Variance),
        // Of a Normalization layer.
        ("/mean", Part::Mean),
        ("/variance", Part::Variance),
        ("_W", Part::Kernel),
        ("_b", Part::Bias),
        ("_gamma", Part::Gamma),
        ("_beta", Part::Beta),
        ("_running_mean", Part::Mean),
        // The variance, in spite of its name.
        ("_running_std", Part::Variance),
    ];
    parts.iter().find_map(|(end, part)| Some((weight.strip_suffix(end)?, *part)))
}

/// A graph's nodes by the outermost nested model around them, if any, and their name.
type Index<'a> = HashMap<(Option<&'a str>, &'a str), usize>;

/// Finds a layer's node in the graph. `group` is the layer or model that the file lists.
fn find(layer: &mut Layer, group: &str, index: &Index) -> Result<(), String> {
    // Scopes may stand before the name, and the name itself may have slashes.
    let starts = std::iter::once(0).chain(layer.name.match_indices('/').map(|(at, _)| at + 1));
    let mut inside = starts.take(64).map(|at| (Some(group), &layer.name[at..]));
    let key = std::iter::once((None, group)).chain(&mut inside).find(|key| index.contains_key(key));
    let key = key.ok_or_else(|| format!("layer '{}' ('{group}') is not in the model's configuration", layer.name))?;
    layer.node = index.get(&key).copied();
    layer.name = key.1.to_string();
    Ok(())
}

/// Keras 3's `layers/conv2d_3/vars/0`, which counts layers by class, with the model's graph.
fn by_graph(root: &Folder, graph: &Graph) -> Result<Layers, String> {
    let weighted = || graph.nodes.iter().enumerate().filter(|(_, node)| has_weights(node));
    // By the model around them and their class: how many there are, and their folders.
    let mut totals: HashMap<(&[Place], &str), usize> = HashMap::new();
    for (_, node) in weighted() {
        if let Some(((class, _), outer)) = node.place.split_last() {
            *totals.entry((outer, class)).or_default() += 1;
        }
    }
    let mut folders: HashMap<(&[Place], &str), Vec<&Folder>> = HashMap::new();
    let mut layers = Vec::new();
    for (i, node) in weighted() {
        let mut folder = root;
        for (depth, (class, ordinal)) in node.place.iter().enumerate() {
            let lacking =
                || format!("its weights lack the layer '{}' ({}) of its configuration", node.name, node.class);
            let key = (&node.place[..depth], &**class);
            let inside = children(folder).ok_or_else(lacking)?;
            let same = folders.entry(key).or_insert_with(|| counted(inside, &snake_case(class)));
            // Those whose statistics its configuration has, have none here.
            let counts = !(depth + 1 == node.place.len() && node.class == "Normalization");
            if counts && totals.get(&key).is_some_and(|total| *total != same.len()) {
                return Err(format!(
                    "its configuration has {} {class} layers, its weights have {}: they do not belong together",
                    totals[&key],
                    same.len()
                ));
            }
            folder = same.get(*ordinal).ok_or_else(lacking)?;
        }
        let flag = |key: &str| Some(node.config[key].as_bool().unwrap_or(true));
        let kind = match node.class.as_str() {
            "BatchNormalization" => Kind::Norm { gamma: flag("scale"), beta: flag("center") },
            "Normalization" => Kind::Pixels,
            _ => Kind::Other,
        };
        let parts = positional(folder, &node.name, kind)?;
        layers.push(Layer { name: node.name.clone(), node: Some(i), parts });
    }
    Ok(Layers { layers, ordered: true })
}

fn has_weights(node: &Node) -> bool {
    match node.class.as_str() {
        "Conv2D" | "BatchNormalization" | "Dense" | "Scale" => true,
        "Normalization" => node.config["mean"].is_null(),
        _ => false,
    }
}

/// The folder of a model's layers; TensorFlow 2.13 called it differently.
fn children(folder: &Folder) -> Option<&Folder> {
    folder.folder("layers").or_else(|| folder.folder("_layer_checkpoint_dependencies"))
}

/// The folders `class`, `class_1`, `class_2`, ... in this order; some versions skip numbers.
fn counted<'a>(folder: &'a Folder, class: &str) -> Vec<&'a Folder> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let counts = |name: &str| match name.strip_prefix(class) {
        Some("") => true,
        Some(rest) => rest.strip_prefix('_').is_some_and(is_number),
        None => false,
    };
    folder.folders.iter().filter(|(name, _)| counts(name)).map(|(_, folder)| folder).collect()
}

/// What a layer with unnamed variables is.
#[derive(Clone, Copy)]
enum Kind {
    /// A batch norm, and whether it has gamma and beta, where that is known.
    Norm {
        gamma: Option<bool>,
        beta: Option<bool>,
    },
    /// What normalises pixels: mean, variance, and how many were counted.
    Pixels,
    Other,
}

/// The variables of a layer, which have numbers in place of names.
fn positional(layer: &Folder, name: &str, kind: Kind) -> Result<Vec<(Part, Dataset)>, String> {
    let variables = layer.folder("vars").map_or(&[][..], |vars| &vars.datasets);
    let rank = |i: usize| variables.get(i).and_then(|(_, dataset)| Some(dataset.shape().ok()?.len()));
    let vectors = (0..variables.len()).all(|i| rank(i) == Some(1));
    let parts = match (variables.len(), kind) {
        (3, Kind::Pixels) => vec![Part::Mean, Part::Variance],
        (1 | 2, _) if !vectors => vec![Part::Kernel, Part::Bias],
        (4, _) if vectors => vec![Part::Gamma, Part::Beta, Part::Mean, Part::Variance],
        (3, Kind::Norm { gamma: Some(true), beta: Some(false) }) if vectors => {
            vec![Part::Gamma, Part::Mean, Part::Variance]
        }
        (3, Kind::Norm { gamma: Some(false), beta: Some(true) }) if vectors => {
            vec![Part::Beta, Part::Mean, Part::Variance]
        }
        (3, _) if vectors => {
            return Err(format!(
                "layer '{name}' is a batch norm of 3 variables, and the file does not say whether gamma or beta is \
                 missing: save the whole model (.keras)"
            ));
        }
        (2, Kind::Norm { .. }) if vectors => vec![Part::Mean, Part::Variance],
        (2, _) if vectors => vec![Part::Gamma, Part::Beta],
        (n, _) => return Err(format!("layer '{name}' has {n} variables, which no layer of a DenseNet has")),
    };
    Ok(parts.into_iter().zip(variables.iter().map(|(_, dataset)| dataset.clone())).collect())
}

/// Keras 3's weights without a configuration. Later versions (3.8, but not 3.4) keep each layer's name beside its
/// variables.
fn by_count(root: &Folder) -> Result<Layers, String> {
    let mut found = Vec::new();
    collect(root, "", &mut found);
    let mut layers = Vec::new();
    for (place, folder) in found {
        let own = folder.folder("vars").map(|vars| hdf5::attributes(&vars.group)).transpose()?;
        let name = own.and_then(|attributes| hdf5::string(&attributes, "name")).unwrap_or_else(|| place.clone());
        let class = place.rsplit('/').next().unwrap_or(&place);
        let kind =
            if class.starts_with("batch_normalization") { Kind::Norm { gamma: None, beta: None } } else { Kind::Other };
        let parts = positional(folder, &name, kind)?;
        layers.push(Layer { name, node: None, parts });
    }
    Ok(interleave(layers))
}

/// Every folder with variables, and its path without the segments that all have.
fn collect<'a>(folder: &'a Folder, place: &str, found: &mut Vec<(String, &'a Folder)>) {
    for (name, inner) in &folder.folders {
        // Only generators of random numbers, metrics and optimizers have integers or scalars.
        let state = matches!(name.as_str(), "seed_generator" | "optimizer" | "metrics" | "_metrics");
        if name == "vars" || state {
            continue;
        }
        let inner_place = match (name.as_str(), place) {
            ("layers" | "_layer_checkpoint_dependencies", _) => place.to_string(),
            (_, "") => name.clone(),
            _ => format!("{place}/{name}"),
        };
        if inner.folder("vars").is_some_and(|vars| !vars.datasets.is_empty()) {
            found.push((inner_place.clone(), inner));
        }
        collect(inner, &inner_place, found);
    }
}

/// One sequence of layers that were counted by class. In a DenseNet every convolution but the first follows a batch norm,
/// and one more norm ends it: n convolutions have n norms, or n + 1 where the stem has its own.
fn interleave(layers: Vec<Layer>) -> Layers {
    let is_norm = |layer: &Layer| layer.has(Part::Variance);
    let is_convolution = |layer: &Layer| {
        layer.parts.iter().any(|(part, d)| *part == Part::Kernel && d.shape().is_ok_and(|shape| shape.len() == 4))
    };
    let count = |is: &dyn Fn(&Layer) -> bool| layers.iter().filter(|layer| is(layer)).count();
    let (convolutions, norms) = (count(&is_convolution), count(&is_norm));
    let stem_norm = match norms.checked_sub(convolutions) {
        Some(more @ (0 | 1)) if convolutions > 0 => more,
        _ => return Layers { layers, ordered: false },
    };
    let (mut convolution, mut norm) = (0, 0);
    let mut placed: Vec<(usize, Layer)> = layers
        .into_iter()
        .map(|layer| {
            let place = if is_convolution(&layer) {
                convolution += 1;
                // After norm number `convolution - 1 + stem_norm`; the first after none.
                if convolution == 1 { 0 } else { 2 * (convolution - 2 + stem_norm) + 2 }
            } else if is_norm(&layer) {
                norm += 1;
                2 * (norm - 1) + 1
            } else {
                usize::MAX
            };
            (place, layer)
        })
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    Layers { layers: placed.into_iter().map(|(_, layer)| layer).collect(), ordered: true }
}

/// Whether the file has Keras 3's unnamed variables anywhere.
fn has_variables(folder: &Folder) -> bool {
    let mut found = Vec::new();
    collect(folder, "", &mut found);
    !found.is_empty()
}

/// The layers of a Keras 3 file.
pub(super) fn keras3(container: &Container, graph: Option<&Graph>) -> Result<Layers, String> {
    let root = container.folder(container.root(), &STATE)?;
    if !has_variables(&root) {
        return Err("HDF5, but no weights of Keras: it has neither layer_names nor layers with variables".into());
    }
    match graph {
        Some(graph) => by_graph(&root, graph),
        None => by_count(&root),
    }
}
