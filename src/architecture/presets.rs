//! The published networks, and the constructor arguments from which papers and ports compute their widths.

use super::activation::Activation;
use super::head::Head;
use super::network::Architecture;
use super::stem::Stem;

/// Names that [`Architecture::preset`] knows.
pub const PRESETS: &[&str] = &[
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "densenet264",
    "densenet264-k48",
    "densenet-40-12",
    "densenet-100-12",
    "densenet-100-24",
    "densenet-bc-100-12",
    "densenet-bc-250-24",
    "densenet-bc-190-40",
];

/// Constructor arguments, as the paper and the Keras article give them; [`Recipe::build`] turns them into widths.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// What stands before the first block (its `channels` are the article's `nb_filter`).
    pub stem: Stem,
    /// The paper's k.
    pub growth_rate: usize,
    /// Dense layers of each block (the article's `nb_layers`).
    pub layers: Vec<usize>,
    /// Bottleneck width as a multiple of the growth rate (4 in the paper). `None`: no bottlenecks.
    pub bottleneck_factor: Option<usize>,
    /// The paper's theta; the article's `1 - reduction`.
    pub compression: f64,
    /// The article's argument; `false` computes a transition's width without the channels that its block added.
    pub grow_nb_filters: bool,
    /// Batch norm epsilon.
    pub eps: f64,
    /// Outputs of the classifier. `None`: no classifier.
    pub classes: Option<usize>,
    /// Channels of the image.
    pub input_channels: usize,
}

impl Recipe {
    /// The paper's ImageNet networks (table 1): bottleneck 4k, compression 0.5, first channels 2k.
    pub fn imagenet(growth_rate: usize, layers: &[usize]) -> Self {
        Recipe {
            stem: Stem::imagenet(2 * growth_rate),
            growth_rate,
            layers: layers.to_vec(),
            bottleneck_factor: Some(4),
            compression: 0.5,
            grow_nb_filters: true,
            eps: 1e-5,
            classes: Some(1000),
            input_channels: 3,
        }
    }

    /// The paper's plain CIFAR networks (section 3): depth L gives (L - 4) / 3 layers in each of three blocks, 16
    /// first channels, no compression.
    pub fn cifar(depth: usize, growth_rate: usize) -> Self {
        Recipe {
            stem: Stem::cifar(16),
            layers: vec![(depth - 4) / 3; 3],
            bottleneck_factor: None,
            compression: 1.0,
            classes: Some(10),
            ..Recipe::imagenet(growth_rate, &[])
        }
    }

    /// The paper's DenseNet-BC on CIFAR: bottlenecks halve the layers, compression 0.5, first channels 2k.
    pub fn cifar_bc(depth: usize, growth_rate: usize) -> Self {
        Recipe {
            stem: Stem::cifar(2 * growth_rate),
            layers: vec![(depth - 4) / 6; 3],
            classes: Some(10),
            ..Recipe::imagenet(growth_rate, &[])
        }
    }

    /// Computes the widths. The result is not validated.
    pub fn build(&self, name: &str) -> Architecture {
        let mut filters = self.stem.channels;
        let mut transition_channels = Vec::new();
        for (block, &layers) in self.layers.iter().enumerate() {
            if block + 1 < self.layers.len() {
                if self.grow_nb_filters {
                    filters += layers * self.growth_rate;
                }
                filters = (filters as f64 * self.compression) as usize;
                transition_channels.push(filters);
            }
        }
        Architecture {
            name: name.to_string(),
            input_channels: self.input_channels,
            input: None,
            stem: self.stem,
            growth_rate: self.growth_rate,
            layers: self.layers.clone(),
            bottleneck: self.bottleneck_factor.map(|factor| factor * self.growth_rate),
            transition_channels,
            eps: self.eps,
            dropout: 0.0,
            head: Head::linear(self.classes),
            activation: Activation::Softmax,
        }
    }
}

impl Architecture {
    /// A published network by its name, one of [`PRESETS`]. Case does not matter, and `-` and `_` only between two numbers:
    /// `DenseNet121` and `densenet_bc_100_12` are found too.
    pub fn preset(name: &str) -> Option<Architecture> {
        let wanted = plain(name);
        let name = *PRESETS.iter().find(|preset| plain(preset) == wanted)?;
        let recipe = match name {
            "densenet121" => Recipe::imagenet(32, &[6, 12, 24, 16]),
            "densenet161" => Recipe::imagenet(48, &[6, 12, 36, 24]),
            "densenet169" => Recipe::imagenet(32, &[6, 12, 32, 32]),
            "densenet201" => Recipe::imagenet(32, &[6, 12, 48, 32]),
            "densenet264" => Recipe::imagenet(32, &[6, 12, 64, 48]),
            "densenet264-k48" => Recipe::imagenet(48, &[6, 12, 64, 48]),
            "densenet-40-12" => Recipe::cifar(40, 12),
            "densenet-100-12" => Recipe::cifar(100, 12),
            "densenet-100-24" => Recipe::cifar(100, 24),
            "densenet-bc-100-12" => Recipe::cifar_bc(100, 12),
            "densenet-bc-250-24" => Recipe::cifar_bc(250, 24),
            "densenet-bc-190-40" => Recipe::cifar_bc(190, 40),
            _ => return None,
        };
        Some(recipe.build(name))
    }
}

/// Lower case, without hyphens and underscores except between two numbers, which they keep apart.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    let mut between = false;
    for character in name.to_ascii_lowercase().chars() {
        if matches!(character, '-' | '_') {
            between = true;
            continue;
        }
        if between && character.is_ascii_digit() && plain.ends_with(|last: char| last.is_ascii_digit()) {
            plain.push('-');
        }
        between = false;
        plain.push(character);
    }
    plain
}
