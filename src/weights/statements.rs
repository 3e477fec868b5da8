//! Statements about a network, and which of them counts.

use super::order::ChannelOrder;
use crate::architecture::{Activation, Architecture, Head, InputTransform, Padding, StemPool};

/// A value, and where it was stated.
pub(super) struct Stated<T> {
    pub(super) value: T,
    pub(super) from: String,
}

/// What one place says of the properties that tensor shapes do not tell. Most places say little.
#[derive(Clone, Debug, Default)]
pub(super) struct Statements {
    /// The place, as a person reads it: `option`, `metadata`, `model_config`.
    pub(super) from: String,
    pub(super) stem_stride: Option<usize>,
    pub(super) stem_padding: Option<Padding>,
    /// The inner `None`: there is no pooling.
    pub(super) stem_pool: Option<Option<StemPool>>,
    pub(super) eps: Option<f64>,
    pub(super) activation: Option<Activation>,
    /// What stands behind the last batch norm.
    pub(super) head: Option<Head>,
    /// What the network itself does to its input; the inner `None`: nothing.
    pub(super) input: Option<Option<InputTransform>>,
    pub(super) channel_order: Option<ChannelOrder>,
    /// Text for [`Preprocessing::parse`](crate::Preprocessing::parse), which may refuse it.
    pub(super) preprocessing: Option<String>,
    pub(super) labels: Option<Vec<String>>,
}

impl Statements {
    /// Nothing yet, from `place`.
    pub(super) fn from(place: impl Into<String>) -> Self {
        Statements { from: place.into(), ..Statements::default() }
    }

    /// What an architecture says beyond tensor shapes.
    pub(super) fn of(architecture: &Architecture, place: &str) -> Self {
        let stem = architecture.stem;
        Statements {
            stem_stride: Some(stem.stride),
            stem_padding: Some(stem.padding),
            stem_pool: Some(stem.pool),
            eps: Some(architecture.eps),
            activation: Some(architecture.activation),
            head: Some(architecture.head.clone()),
            input: Some(architecture.input.clone()),
            ..Statements::from(place)
        }
    }
}

/// How much a place counts. Of two statements about one property the one listed first here wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// An option for this property alone.
    Option,
    /// This crate's metadata in the file.
    Metadata,
    /// What the file says otherwise: a Keras configuration, timm's metadata.
    File,
    /// A `config.json` beside the file.
    Beside,
    /// The batch norms' running statistics.
    Statistics,
    /// The architecture among the options.
    Given,
    Default,
}

/// All statements about a network.
#[derive(Debug, Default)]
pub(super) struct Ranking(Vec<(Rank, Statements)>);

impl Ranking {
    /// Adds a place. Of places of one rank the one that was added first counts.
    pub(super) fn add(&mut self, rank: Rank, statements: Statements) {
        let at = self.0.partition_point(|(other, _)| *other <= rank);
        self.0.insert(at, (rank, statements));
    }

    /// The statement that counts.
    pub(super) fn first<T>(&self, property: impl Fn(&Statements) -> Option<T>) -> Option<Stated<T>> {
        self.0.iter().find_map(|(_, statements)| {
            property(statements).map(|value| Stated { value, from: statements.from.clone() })
        })
    }

    /// Every place, those that count most first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Rank, Statements)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rank_that_says_something_counts() {
        let mut ranking = Ranking::default();
        let eps = |place: &str, eps| Statements { eps: Some(eps), ..Statements::from(place) };
        ranking.add(Rank::Default, eps("the reader's default", 1.0));
        ranking.add(Rank::Default, eps("another default", 2.0));
        let first = |ranking: &Ranking| ranking.first(|s| s.eps).map(|eps| (eps.value, eps.from));
        assert_eq!(first(&ranking), Some((1.0, "the reader's default".into())));
        ranking.add(Rank::File, eps("the file", 3.0));
        ranking.add(Rank::Option, Statements::from("silent"));
        assert_eq!(first(&ranking), Some((3.0, "the file".into())));
        assert!(ranking.first(|s| s.labels.clone()).is_none());
    }
}
