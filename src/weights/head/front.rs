//! What stands between the last batch norm and the first layer of the head: a ReLU or none, and the pooling.
//!
//! torchvision's DenseNet applies that ReLU in its own code, not as a module of `features`. So it is there in front of that
//! network's own classifier, and missing where `features` is put into a Sequential, unless a number shows room for it.

use super::pieces::{Gap, Kind, Module};
use super::tree::number;
use crate::architecture::{HeadLayer, Pooling};

/// What is known about the place of a head's first layer.
pub(super) struct Front<'a> {
    pub(super) module: &'a Module<'a>,
    pub(super) before: Gap,
    /// What the file names before it, where it names layers without parameters.
    pub(super) leading: Vec<Kind>,
    /// Path of the last batch norm.
    pub(super) last_norm: &'a str,
    /// Channels of the feature maps.
    pub(super) channels: usize,
    /// What is stated about the pooling, and where.
    pub(super) stated: Option<(Pooling, &'static str)>,
    /// The class of the module that holds the features, where the file names it and no library has it.
    pub(super) class: Option<&'a str>,
    /// The names are nobody's whose code is known: what the shapes say is all there is.
    pub(super) unknown_names: bool,
}

/// The ReLU and the pooling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) relu: bool,
    pub(super) pooling: Pooling,
    /// How many of the named layers it takes.
    pub(super) taken: usize,
}

/// Where the head is, seen from the last batch norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The network's own classifier.
    Own,
    /// Another module's, behind a whole DenseNet, which pools.
    BehindNetwork,
    /// Behind feature maps, in code that nobody can see.
    BehindMaps,
    /// In the Sequential in which the feature maps are made.
    Sequence,
    /// fastai's: the second of two, behind a Sequential of `features` alone.
    Fastai,
    /// The same, behind one of timm's networks.
    FastaiTimm,
}

/// Names of a network's own classifier: torchvision's and timm's, Cadene's, MONAI's.
const OWN: [&str; 3] = ["classifier", "last_linear", "class_layers"];

/// Which vectors the first layer can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Once,
    Twice,
    Flat { side: usize },
}

impl Front<'_> {
    /// The likeliest, and what was assumed.
    pub(super) fn reading(&self, assumed: &mut Vec<String>) -> Result<Reading, String> {
        let place = self.place();
        let hidden = &self.before.hidden;
        let width = self.width()?;
        if let Some(named) = self.named(place, width, assumed)? {
            return Ok(named);
        }
        let relu = match (place, width) {
            (Place::Own | Place::BehindNetwork | Place::FastaiTimm, _) => true,
            (Place::Fastai, Width::Twice) => false,
            (Place::Fastai, _) if hidden.len() <= 4 => false,
            // A pooling module and a flattening one, and what is left.
            (Place::Sequence, Width::Once | Width::Twice) => {
                matches!(hidden.len(), 0 | 3 | 4) || self.is_convolution(2)
            }
            (Place::BehindMaps, Width::Once | Width::Twice) => hidden.len() != 2,
            (Place::Sequence | Place::BehindMaps, Width::Flat { .. }) => hidden.len() != 1,
            (Place::Fastai, _) => false,
        };
        if hidden.len() > 4 {
            return Err(format!("{} modules without parameters stand before '{}'", hidden.len(), self.module.name));
        }
        let pooling = self.pooling(place, width, assumed)?;
        self.tell(place, width, relu, assumed);
        Ok(Reading { relu, pooling, taken: 0 })
    }

    /// Where the file names the pooling, it is what comes before it that counts.
    fn named(&self, place: Place, width: Width, assumed: &mut Vec<String>) -> Result<Option<Reading>, String> {
        let Some(at) = self.leading.iter().position(|kind| matches!(kind, Kind::Pool(_))) else { return Ok(None) };
        let (before, reads) = (&self.leading[..at], self.module.inputs().unwrap_or_default());
        let relu = match before.iter().filter(|kind| !matches!(kind, Kind::Plain(None))).collect::<Vec<_>>()[..] {
            [] => false,
            [Kind::Plain(Some(HeadLayer::Relu))] => true,
            _ => return Err("other layers than a ReLU stand before the pooling".into()),
        };
        let pooling = match (self.leading[at], width) {
            (Kind::Pool(Some(pooling)), _) => pooling,
            (_, Width::Flat { side }) => Pooling::Flatten { height: side, width: side },
            // The network pools; its vector is flattened once more.
            _ if matches!(place, Place::Own | Place::BehindNetwork) => return Ok(None),
            _ => return Err(format!("'{}' reads {reads} values of maps that are not pooled", self.module.name)),
        };
        if pooling.outputs(self.channels) != reads {
            return Err(format!(
                "'{}' reads {reads} values, which the pooling '{pooling}' does not make",
                self.module.name
            ));
        }
        if !matches!(place, Place::Sequence | Place::Fastai | Place::FastaiTimm) || !self.before.is_closed() {
            let relu = if relu { "a ReLU and nothing else" } else { "nothing" };
            assumed.push(format!("{relu} stands between the last batch norm and the pooling"));
        } else if let (Pooling::Flatten { height, .. }, true) = (pooling, self.channels > 0) {
            assumed.push(format!("maps of {height}x{height} pixels are flattened"));
        }
        Ok(Some(Reading { relu, pooling, taken: at + 1 }))
    }

    /// A 1x1 convolution needs no flattening before it.
    fn is_convolution(&self, hidden: usize) -> bool {
        self.module.convolution && self.before.hidden.len() == hidden
    }

    fn width(&self) -> Result<Width, String> {
        let (inputs, channels) = (self.module.inputs().unwrap_or(self.channels), self.channels);
        let pixels = inputs / channels.max(1);
        match (inputs % channels.max(1), pixels) {
            (0, 1) => Ok(Width::Once),
            (0, 2) => Ok(Width::Twice),
            (0, pixels) if pixels.isqrt().pow(2) == pixels && pixels > 0 => Ok(Width::Flat { side: pixels.isqrt() }),
            (0, pixels) if pixels > 0 => Err(format!(
                "'{}' reads {inputs} values: {pixels} for each of {channels} channels, which is no square map",
                self.module.name
            )),
            _ => {
                Err(format!("'{}' reads {inputs} values, and the DenseNet makes {channels} channels", self.module.name))
            }
        }
    }

    fn place(&self) -> Place {
        let norm: Vec<&str> = self.last_norm.split('.').collect();
        let first: Vec<&str> = self.module.name.split('.').collect();
        let common = norm.iter().zip(&first).take_while(|(a, b)| a == b).count();
        let (own, behind) = (norm.get(common), first.get(common));
        let features = norm.len().checked_sub(2).filter(|&at| norm[at] == "features");
        let is_second = *behind.unwrap_or(&"") == "1" && first.len() == common + 2;
        // timm's networks in fastai: their last batch norm has its ReLU in itself.
        if norm[common..].starts_with(&["0", "model", "features"]) && is_second && number(first[common + 1]).is_some() {
            return Place::FastaiTimm;
        }
        if features.is_some_and(|at| common < at) {
            return Place::BehindNetwork;
        }
        if own.zip(behind).is_some_and(|(own, behind)| number(own).is_some() && number(behind).is_some()) {
            let of_features_alone = norm.len() == common + 3 && norm[common..common + 2] == ["0", "0"];
            return if of_features_alone && is_second { Place::Fastai } else { Place::Sequence };
        }
        match features {
            // A member of a list of layers is run by code outside of it.
            _ if norm.last().is_some_and(|name| number(name).is_some()) => Place::BehindMaps,
            Some(at) if common == at && behind.is_some_and(|name| OWN.contains(name)) => Place::Own,
            _ if self.unknown_names => Place::Own,
            None if common + 1 == norm.len() && behind.is_some_and(|name| OWN.contains(name)) => Place::Own,
            _ => Place::BehindMaps,
        }
    }

    fn pooling(&self, place: Place, width: Width, assumed: &mut Vec<String>) -> Result<Pooling, String> {
        match (width, self.stated) {
            (Width::Once, None) => Ok(Pooling::Average),
            (Width::Once, Some((pooling @ (Pooling::Average | Pooling::Maximum), _))) => Ok(pooling),
            (Width::Twice, Some((pooling @ (Pooling::AverageMaximum | Pooling::MaximumAverage), _))) => Ok(pooling),
            (Width::Once | Width::Twice, Some((pooling, from))) => Err(format!(
                "{from} states the pooling '{pooling}', but '{}' reads {} values of {} channels",
                self.module.name,
                self.module.inputs().unwrap_or_default(),
                self.channels
            )),
            (Width::Flat { side }, _) => Ok(Pooling::Flatten { height: side, width: side }),
            (Width::Twice, None) => {
                let name = self.module.name;
                match place {
                    Place::Fastai | Place::FastaiTimm => {
                        assumed.push(format!("'{name}' reads maxima, then averages, as in fastai's heads"));
                        Ok(Pooling::MaximumAverage)
                    }
                    Place::Own if !self.unknown_names => {
                        assumed.push(format!("'{name}' reads averages, then maxima, as in timm's networks"));
                        Ok(Pooling::AverageMaximum)
                    }
                    _ => Err(format!(
                        "'{name}' reads two values of each channel, and nothing tells whether averages or maxima come first \
                         (avg+max or max+avg)"
                    )),
                }
            }
        }
    }

    /// Says what is open.
    fn tell(&self, place: Place, width: Width, relu: bool, assumed: &mut Vec<String>) {
        let hidden = &self.before.hidden;
        let quoted: Vec<String> = hidden.iter().map(|name| format!("'{name}'")).collect();
        let pooled = match (width, self.stated) {
            (Width::Flat { side }, _) => format!("maps of {side}x{side} pixels are flattened"),
            (Width::Once, None) => "averages are pooled".into(),
            _ => String::new(),
        };
        if let (Some(class), Place::Own) = (self.class, place) {
            assumed.push(format!("the code of the class '{class}' does what torchvision's DenseNet does, and no more"));
        }
        if self.module.convolution {
            assumed.push(format!("'{}', a 1x1 convolution, reads pooled features", self.module.name));
        }
        let relu = if relu { "a ReLU follows the last batch norm" } else { "no ReLU follows the last batch norm" };
        let in_front = !matches!(place, Place::Own | Place::BehindNetwork);
        if in_front || place == Place::BehindNetwork || matches!(width, Width::Flat { .. }) {
            assumed.push(relu.into());
            assumed.extend(Some(pooled).filter(|text| !text.is_empty()));
        }
        // In front of pooled features that are at least 0, neither a dropout nor a ReLU changes anything.
        if !quoted.is_empty() && !in_front {
            assumed.push(format!(
                "{} change{} nothing",
                quoted.join(" and "),
                if quoted.len() == 1 { "s" } else { "" }
            ));
        }
    }
}
