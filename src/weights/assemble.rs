//! From a file's tensors to [`Weights`]: names, architecture, shapes, then values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::head::{self, Question};
use super::metadata::Metadata;
use super::names::{self, Names, Scheme};
use super::network::Weights;
use super::options::OpenOptions;
use super::order::{ChannelOrder, Readers};
use super::origin::{Fact, Origin, Place, presentable};
use super::pictures::Pictures;
use super::resolve::Resolver;
use super::source::{Entry, Source};
use super::statements::{Rank, Statements};
use super::tensor::{Shapes, Tensor};
use super::{bias, check, extras, infer, part, settings, structure, timm};
use crate::architecture::Architecture;
use crate::pause::Pause;
use crate::picture::Preprocessing;

/// Consumes the source: the bytes of a tensor are freed as soon as they are decoded.
pub(super) async fn assemble(
    mut source: Source<'_>,
    place: Place<'_>,
    options: &OpenOptions,
    pause: &Pause,
) -> Result<Weights, String> {
    pause.rest().await;
    let metadata = Metadata::read(&source.metadata)?;
    if let Some(part) = &options.part {
        source.ignored.push(part::keep(&mut source.entries, part)?);
    }
    // Files that say which tensor is which, a Keras model or a graph, say what their head is.
    let says_itself = source.names.is_some();
    let mut names = match source.names.take() {
        Some(names) => names,
        None => recognise(&source.entries, source.ordered)?,
    };
    pause.rest().await;
    let mut resolver = Resolver::new(options, metadata, &source, &names);
    resolver.add(Rank::File, settings::of_modules(&source, &names)?);
    let reads_head = !says_itself && (options.head.is_some() || !resolver.is_described());
    if options.part.is_some() {
        network_alone(&mut names, &mut source.ignored);
    } else if reads_head {
        read_head(&mut source, &mut names, place, options, &mut resolver)?;
    }
    pause.rest().await;
    let Source { format, entries, ignored, mut warnings, pictures, .. } = source;
    let mut entries: BTreeMap<&str, Entry> = (names.canonical.iter().zip(entries))
        .filter_map(|(name, entry)| name.as_deref().map(|name| (name, entry)))
        .collect();
    let explain = |reason: String| match names.prefix.as_str() {
        "" => reason,
        prefix => format!("{reason}; names stand here without the file's prefix '{prefix}'"),
    };
    let shapes = entries.iter().map(|(name, entry)| (*name, entry.shape.as_slice())).collect();
    let network = recognised(shapes, &mut resolver).map_err(explain)?;
    if let Some(spec) = options.head.as_ref().filter(|spec| !reads_head && !spec.agrees(&network.architecture.head)) {
        let own = &network.architecture.head;
        return Err(format!("the head stated, '{spec}', is not the file's, which says '{own}'"));
    }
    entries.retain(|name, _| !network.ignored.contains(*name));
    let tensors = decode(entries, pause).await?;
    let (tensors, order) = arrange(tensors, &network, &mut resolver, pause).await.map_err(explain)?;

    let Network { architecture, mut facts, ignored: unused, biases } = network;
    if let Some(path) = place.path() {
        resolver.add(Rank::Beside, timm::beside(path, &architecture).unwrap_or_default());
    }
    let labels = resolver.labels(&architecture)?;
    if let Some(pictures) = pictures {
        warnings.extend(prepare(&mut resolver, &pictures, names.scheme, &architecture));
    }
    let preprocessing = resolver.preprocessing();
    facts.push(order);
    facts.extend(preprocessing.as_ref().map(|stated| Fact::new("preset", &stated.value, &stated.from)));
    if !biases.is_empty() {
        let value = format!("{}, subtracted from the means of the batch norms that read them", biases.len());
        facts.push(Fact::new("convolutions with a bias", &value, "tensor shapes"));
    }
    let ignored: Vec<String> = unused.into_iter().chain(ignored).collect();
    if !ignored.is_empty() {
        facts.push(Fact::new("ignored", &extras::listed(&ignored), "not part of the network"));
    }
    facts.extend(names.notes.iter().map(|note| Fact::new("reading", note, "recognised by structure")));
    let path = place.path().map(Into::into);
    let format = if let Place::Embedded = place { format!("{format} (embedded)") } else { format.into() };
    let warnings = warnings.iter().map(|warning| presentable(warning)).collect();
    let origin = Origin { path, format, scheme: presentable(&names.to_string()), facts, warnings };
    let preprocessing = preprocessing.map(|stated| stated.value);
    Ok(Weights { architecture, tensors: Arc::new(tensors), preprocessing, labels, origin })
}

/// Leaves out everything but the DenseNet.
fn network_alone(names: &mut Names, ignored: &mut Vec<String>) {
    let outside = |name: &&mut Option<String>| name.as_deref().is_some_and(|name| !name.starts_with("features."));
    let dropped = names.canonical.iter_mut().filter(outside).map(Option::take).count();
    if dropped > 0 {
        ignored.push(format!("{dropped} tensors beside the DenseNet"));
    }
}

/// Reads the layers behind the last batch norm, gives their tensors canonical names, and adds those that the file leaves out.
fn read_head(
    source: &mut Source,
    names: &mut Names,
    place: Place,
    options: &OpenOptions,
    resolver: &mut Resolver,
) -> Result<(), String> {
    let canonical = names.canonical.iter().zip(&source.entries);
    let own = canonical.filter_map(|(name, entry)| Some((name.as_deref()?, entry.shape.as_slice())));
    let trunk: Shapes = own.filter(|(name, _)| name.starts_with("features.")).collect();
    // What is wrong with the DenseNet itself is told elsewhere.
    let Ok(trunk) = infer::from_shapes(&trunk, names.scheme) else { return Ok(()) };
    let beside = place.path().map_or(Ok(None), |path| timm::pooling_beside(path, &trunk))?;
    let question = Question {
        entries: &source.entries,
        names,
        trunk: &trunk,
        known: &source.known,
        order: &source.order,
        stated: options.head.as_ref(),
        given: options.architecture.as_ref().map(|architecture| &architecture.head),
        pooling: beside,
        eps: source.defaults.eps.unwrap_or(HEAD_EPS),
    };
    let Some(found) = head::read(&question)? else { return Ok(()) };
    resolver.set_head(found.head, found.activation, found.from);
    for entry in found.unused {
        source.ignored.push(source.entries[entry].name.clone());
        names.canonical[entry] = None;
    }
    for entry in found.spent {
        names.canonical[entry] = None;
    }
    for (entry, name) in found.placed.names {
        names.canonical[entry] = Some(name);
    }
    for entry in found.placed.matrices {
        source.entries[entry].shape.truncate(2);
    }
    for (name, length, value) in found.placed.made {
        source.entries.push(Entry::filled(&name, length, value));
        names.canonical.push(Some(name));
    }
    source.warnings.extend(found.warnings);
    Ok(())
}

/// PyTorch's, of a batch norm in a head.
const HEAD_EPS: f64 = 1e-5;

/// States how pictures are prepared for a network whose graph does a part of that itself. Returns what is not done exactly as
/// the graph does it.
fn prepare(
    resolver: &mut Resolver,
    pictures: &Pictures,
    scheme: Scheme,
    architecture: &Architecture,
) -> Option<String> {
    let named = scheme.defaults().into_iter().find_map(|statements| Preprocessing::named(&statements.preprocessing?));
    let usual = named.unwrap_or_else(|| Preprocessing::default_for(architecture));
    let statement = |preprocessing: &Preprocessing, place: &str| Statements {
        preprocessing: Some(preprocessing.to_string()),
        ..Statements::from(place)
    };
    match (pictures.stated(&usual), pictures.sized(&usual)) {
        (Some((own, warning)), _) => {
            let place = "what the model does to its input itself";
            resolver.add(Rank::File, statement(&own, place));
            warning.filter(|_| resolver.preprocessing().is_some_and(|stated| stated.from == place))
        }
        (None, Some(sized)) => {
            resolver.add(Rank::Given, statement(&sized, "default, at the size of the model's input"));
            None
        }
        (None, None) => None,
    }
}

/// What shapes and statements say.
struct Network {
    architecture: Architecture,
    facts: Vec<Fact>,
    /// Canonical names of the tensors to leave out.
    ignored: BTreeSet<String>,
    /// Those of the convolutions' biases.
    biases: BTreeSet<String>,
}

/// Resolves the architecture and checks that the tensors are its parameters, each in its shape.
fn recognised(mut shapes: Shapes, resolver: &mut Resolver) -> Result<Network, String> {
    let (architecture, facts) = resolver.architecture(&shapes)?;
    // Before the walk, which a made-up number of layers would make long.
    if architecture.layers.iter().sum::<usize>() > shapes.len() {
        return Err(format!("{} tensors are too few for layers {:?}", shapes.len(), architecture.layers));
    }
    let parameters = architecture.parameters().map_err(|e| e.to_string())?;
    let ignored = extras::ignored(&parameters, &shapes);
    let biases = bias::of_convolutions(&parameters, &shapes);
    shapes.retain(|name, _| !ignored.contains(*name) && !biases.contains(*name));
    extras::head(&parameters, &shapes)?;
    check::shapes(&parameters, shapes.into_iter())?;
    Ok(Network { architecture, facts, ignored, biases })
}

async fn decode(entries: BTreeMap<&str, Entry<'_>>, pause: &Pause) -> Result<BTreeMap<String, Tensor>, String> {
    let tensor = |(name, entry): (&str, Entry)| {
        let data = entry.decode()?;
        Ok((name.to_string(), Tensor { shape: entry.shape, data }))
    };
    pause.each(entries, tensor).await.into_iter().collect()
}

/// Puts new channels last and folds biases. Also returns in which order the file had the channels.
async fn arrange(
    mut tensors: BTreeMap<String, Tensor>,
    network: &Network,
    resolver: &mut Resolver<'_>,
    pause: &Pause,
) -> Result<(BTreeMap<String, Tensor>, Fact), String> {
    let architecture = &network.architecture;
    check::values(&tensors, pause).await?;
    let channel_order = ChannelOrder::of_statistics(architecture, &tensors);
    resolver.add(Rank::Statistics, Statements { channel_order, ..Statements::from("running statistics") });
    let order = resolver.channel_order();
    if order.value == ChannelOrder::NewFirst {
        let readers = Readers::of(architecture);
        let arranged = pause.each(tensors, |(name, tensor)| readers.to_new_last(name, tensor)).await;
        tensors = arranged.into_iter().collect();
    }
    if !network.biases.is_empty() {
        bias::fold(architecture, &mut tensors);
        check::values(&tensors, pause).await?;
    }
    Ok((tensors, Fact::new("channel order", &order.value.to_string(), &order.from)))
}

/// No DenseNet comes near these. They bound the work on hostile names.
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
    structure::recognise(&shapes, ordered)
        .map_err(|reason| format!("{}, nor one by structure: {reason}", names::unknown(&file_names)))
}
