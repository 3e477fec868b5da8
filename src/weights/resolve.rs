//! One answer to each question about a network, out of everything that is said about it.
//!
//! Shapes decide what they can. For the rest, the place of the highest [`Rank`] that says something counts.

use super::check;
use super::fields::{Places, agree, eps_field, facts, head_field, shape_fields, stem_fields};
use super::infer;
use super::metadata::{self, LABELS, Metadata};
use super::names::{Names, Scheme};
use super::options::OpenOptions;
use super::order::ChannelOrder;
use super::origin::{Fact, presentable};
use super::source::Source;
use super::statements::{Rank, Ranking, Stated, Statements};
use super::tensor::Shapes;
use crate::architecture::{Activation, Architecture, Head};

pub(super) const OPTION: &str = "option";
const GIVEN: &str = "the architecture given";
const SHAPES: &str = "tensor shapes";

/// The questions, and what is known about their answers.
pub(super) struct Resolver<'a> {
    /// Where the metadata describe the network.
    described: Option<Architecture>,
    options: &'a OpenOptions,
    scheme: Scheme,
    pads_by_kernel: bool,
    ranking: Ranking,
    /// As it was read from the tensors.
    head: Option<Head>,
}

impl<'a> Resolver<'a> {
    /// Gathers what options, metadata, file and naming scheme say.
    pub(super) fn new(options: &'a OpenOptions, metadata: Metadata, source: &Source, names: &Names) -> Self {
        let mut ranking = Ranking::default();
        ranking.add(
            Rank::Option,
            Statements {
                eps: options.eps,
                activation: options.activation,
                channel_order: options.channel_order,
                preprocessing: options.preprocessing.as_ref().map(ToString::to_string),
                labels: options.labels.clone(),
                ..Statements::from(OPTION)
            },
        );
        ranking.add(Rank::Metadata, metadata.statements);
        ranking.add(Rank::File, source.stated.clone());
        if let Some(given) = &options.architecture {
            ranking.add(Rank::Given, Statements::of(given, GIVEN));
        }
        ranking.add(Rank::Default, source.defaults.clone());
        for defaults in names.scheme.defaults() {
            ranking.add(Rank::Default, defaults);
        }
        let pads_by_kernel = source.pads_by_kernel;
        Resolver {
            described: metadata.architecture,
            options,
            scheme: names.scheme,
            pads_by_kernel,
            ranking,
            head: None,
        }
    }

    /// The architecture, with where each part of it came from.
    pub(super) fn architecture(&mut self, shapes: &Shapes) -> Result<(Architecture, Vec<Fact>), String> {
        let (mut architecture, from) = self.base(shapes)?;
        if self.scheme == Scheme::Structure && !self.pads_by_kernel {
            self.stem_padding_is_stated(architecture.stem.kernel)?;
        }
        for defaults in infer::defaults(&architecture) {
            self.ranking.add(Rank::Default, defaults);
        }
        let stem = &mut architecture.stem;
        let places = Places {
            shapes: from,
            stem: [
                self.set(&mut stem.stride, |s| s.stem_stride),
                self.set(&mut stem.padding, |s| s.stem_padding),
                self.set(&mut stem.pool, |s| s.stem_pool),
            ],
            eps: self.set(&mut architecture.eps, |s| s.eps),
            activation: self.set(&mut architecture.activation, |s| s.activation),
            head: self.set(&mut architecture.head, |s| s.head.clone()),
            input: self.set(&mut architecture.input, |s| s.input.clone()),
        };
        if let Some(input) = &architecture.input {
            architecture.input_channels = input.inputs();
        }
        if let Some(given) = &self.options.architecture {
            agree(&stem_fields(&architecture), &stem_fields(given))?;
            agree(&[head_field(&architecture)], &[head_field(given)])?;
            if self.options.eps.is_none() {
                agree(&[eps_field(&architecture)], &[eps_field(given)])?;
            }
        }
        architecture.validate().map_err(|e| e.to_string())?;
        let facts = facts(&architecture, &places);
        architecture.name = presentable(&architecture.name);
        Ok((architecture, facts))
    }

    /// Whether the file's metadata say what the network is.
    pub(super) fn is_described(&self) -> bool {
        self.described.is_some()
    }

    /// Takes the head that the tensors were read as, and the activation that was stated with it.
    pub(super) fn set_head(&mut self, head: Head, activation: Option<Activation>, from: &str) {
        let rank = if from == OPTION { Rank::Option } else { Rank::File };
        let statements = Statements { head: Some(head.clone()), ..Statements::from(from) };
        self.ranking.add(rank, Statements { activation, ..statements });
        self.head = Some(head);
    }

    /// The properties that shapes determine, and where they are taken from.
    fn base(&mut self, shapes: &Shapes) -> Result<(Architecture, &'static str), String> {
        let given = self.options.architecture.as_ref();
        let (base, from) = match (self.described.take(), given) {
            (Some(described), _) => (described, metadata::PLACE),
            (None, Some(given)) => match infer::from_shapes(shapes, self.scheme) {
                Ok(inferred) => (inferred, SHAPES),
                // What is wrong shows best against what was expected.
                Err(_) => (given.clone(), GIVEN),
            },
            (None, None) => (infer::from_shapes(shapes, self.scheme)?, SHAPES),
        };
        let base = Architecture { head: self.head.clone().unwrap_or_else(|| base.head.clone()), ..base };
        let Some(given) = given else { return Ok((base, from)) };
        agree(&shape_fields(&base), &shape_fields(given))?;
        // Of the same shapes; name and dropout are those of the one given.
        Ok((if from == SHAPES { given.clone() } else { base }, from))
    }

    /// TensorFlow's padding of a large stem depends on the size of the picture, `ZeroPadding2D` does not, and shapes
    /// show neither: guessing wrong would give wrong answers silently.
    fn stem_padding_is_stated(&self, kernel: usize) -> Result<(), String> {
        if kernel <= 3 || self.ranking.first(|s| s.stem_padding).is_some() {
            return Ok(());
        }
        Err(format!(
            "recognised by structure, but only the model's configuration says how its {kernel}x{kernel} stem is padded: \
             save the whole model, or give the architecture"
        ))
    }

    /// Writes the statement that counts into `field`, if there is one. Returns its place.
    fn set<T>(&self, field: &mut T, property: impl Fn(&Statements) -> Option<T>) -> String {
        self.ranking.first(property).map_or_else(String::new, |Stated { value, from }| {
            *field = value;
            from
        })
    }

    /// Adds what became known later.
    pub(super) fn add(&mut self, rank: Rank, statements: Statements) {
        self.ranking.add(rank, statements);
    }

    /// Where the file's concatenations have new channels.
    pub(super) fn channel_order(&self) -> Stated<ChannelOrder> {
        let default = Stated { value: ChannelOrder::NewLast, from: "default".into() };
        self.ranking.first(|s| s.channel_order).unwrap_or(default)
    }

    /// The text of the preprocessing, where one is stated.
    pub(super) fn preprocessing(&self) -> Option<Stated<String>> {
        self.ranking.first(|s| s.preprocessing.clone())
    }

    /// The class names. What options and our metadata state must fit. timm's lists are those of the network that was
    /// trained first: one that does not fit is passed over.
    pub(super) fn labels(&self, architecture: &Architecture) -> Result<Option<Vec<String>>, String> {
        for (rank, statements) in self.ranking.iter() {
            let Some(labels) = &statements.labels else { continue };
            match (check::labels(architecture, labels), rank) {
                (Ok(()), _) => return Ok(Some(labels.iter().map(|label| presentable(label)).collect())),
                (Err(reason), Rank::Option) => return Err(format!("the labels given: {reason}")),
                (Err(reason), Rank::Metadata) => return Err(format!("metadata {LABELS}: {reason}")),
                (Err(_), _) => {}
            }
        }
        Ok(None)
    }
}
