//! The network as strips: one for each value that it really computes, as plain data.

use densenet_wgpu::architecture::Part;
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::{Architecture, CLASS_MAPS, InputSize, POOLED_MAPS, Result};

/// The first `channels` channels of a tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// The tap's name.
    pub(crate) tap: String,
    /// How many channels, from the first.
    pub(crate) channels: usize,
}

/// What a strip stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Stem,
    Layer,
    Transition,
    Classes,
}

/// One strip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    /// Such as `Block 1, layer 3`.
    pub(crate) title: String,
    pub(crate) kind: Kind,
    /// A layer's dense block, from 0. The strips of a block are adjacent.
    pub(crate) block: Option<usize>,
    /// Numbers of channels by source, in the tensor's order; the last part is new.
    pub(crate) parts: Vec<usize>,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// The channels made by this step.
    pub(crate) new: View,
    /// All channels that the next layer reads, if those are more.
    pub(crate) whole: Option<View>,
}

impl Strip {
    /// The number of all channels.
    pub(crate) fn channels(&self) -> usize {
        self.parts.iter().sum()
    }

    /// The channels to show: all if `whole`, else the new ones.
    pub(crate) fn view(&self, whole: bool) -> &View {
        self.whole.as_ref().filter(|_| whole).unwrap_or(&self.new)
    }

    /// `64 + 32 = 96 channels of 56x56`.
    pub(crate) fn sum(&self) -> String {
        let new = self.parts.last().copied().unwrap_or(0);
        let size = format!("{}×{}", self.height, self.width);
        match self.kind {
            Kind::Layer => format!("{} + {new} = {} channels of {size}", self.channels() - new, self.channels()),
            Kind::Classes => format!("{new} maps of {size}"),
            _ => format!("{new} channels of {size}"),
        }
    }
}

/// The strips of a network for images of `size`, from the image to the classes.
///
/// # Errors
/// As [`Plan::new`].
pub(crate) fn strips(architecture: &Architecture, size: InputSize) -> Result<Vec<Strip>> {
    let plan = match architecture.classes() {
        Some(_) => Plan::with_class_maps(architecture, size, 1)?,
        None => Plan::new(architecture, size, 1)?,
    };
    let mut strips = Vec::new();
    for part in architecture.parts() {
        match part {
            Part::Stem(stem) => {
                let kernel = architecture.stem.kernel;
                let convolved = stem.norm_relu.map_or(stem.conv, |[_, relu]| relu);
                strips.push(strip(&plan, convolved, format!("Stem, {kernel}×{kernel} convolution"), Kind::Stem)?);
                if let Some(pool) = stem.pool {
                    strips.push(strip(&plan, pool, "Stem, max pooling".into(), Kind::Stem)?);
                }
            }
            Part::DenseLayer(layer) => {
                let title = format!("Block {}, layer {}", layer.block + 1, layer.layer + 1);
                let mut parts = vec![layer.block_input_channels];
                parts.resize(layer.layer + 2, layer.new_channels);
                let channels = parts.iter().sum();
                let whole = Some(View { tap: layer.block_name(), channels });
                let strip = strip(&plan, &layer.name, title, Kind::Layer)?;
                strips.push(Strip { block: Some(layer.block), parts, whole, ..strip });
            }
            Part::Transition(transition) => {
                let title = format!("Transition {}", transition.block + 1);
                strips.push(strip(&plan, &transition.name, title, Kind::Transition)?);
            }
            Part::Head(_) => strips.extend(class_maps(&plan, architecture)?),
            // Bottlenecks, whole blocks and vectors have no strip.
            _ => {}
        }
    }
    Ok(strips)
}

/// The strip of a tap whose channels are all new.
fn strip(plan: &Plan, tap: &str, title: String, kind: Kind) -> Result<Strip> {
    let view = &plan.tap(tap)?.view;
    let (tensor, channels) = (plan.tensor(view.tensor), plan.channels(view));
    let new = View { tap: tap.into(), channels };
    let (height, width) = (tensor.height, tensor.width);
    Ok(Strip { title, kind, block: None, parts: vec![channels], height, width, new, whole: None })
}

/// The strip of the class maps. Where the host makes them, they have the size of what it makes them of.
fn class_maps(plan: &Plan, architecture: &Architecture) -> Result<Option<Strip>> {
    let Some(classes) = architecture.classes() else { return Ok(None) };
    let tap = if architecture.head.is_plain() { CLASS_MAPS } else { POOLED_MAPS };
    let strip = strip(plan, tap, "Class maps".into(), Kind::Classes)?;
    let new = View { tap: CLASS_MAPS.into(), channels: classes };
    Ok(Some(Strip { parts: vec![classes], new, ..strip }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use densenet_wgpu::architecture::{Head, HeadLayer};

    fn of(name: &str, side: usize) -> Vec<Strip> {
        strips(&Architecture::preset(name).expect("a preset"), InputSize::square(side)).expect("a plan")
    }

    #[test]
    fn densenet121_has_its_layers_and_their_growth() {
        let strips = of("densenet121", 224);
        let layers: Vec<&Strip> = strips.iter().filter(|strip| strip.kind == Kind::Layer).collect();
        assert_eq!((strips.len(), layers.len()), (2 + 58 + 3 + 1, 58));
        let third = layers[2];
        assert_eq!(third.title, "Block 1, layer 3");
        assert_eq!(third.sum(), "128 + 32 = 160 channels of 56×56");
        assert_eq!(third.new, View { tap: "features.denseblock1.denselayer3".into(), channels: 32 });
        assert_eq!(third.whole, Some(View { tap: "features.denseblock1".into(), channels: 160 }));
        assert_eq!(third.view(true).channels, 160);
        assert_eq!(layers[57].channels(), 1024);
        assert_eq!(strips.last().expect("the classes").sum(), "1000 maps of 7×7");
        let transitions = strips.iter().filter(|strip| strip.kind == Kind::Transition);
        assert_eq!(transitions.map(Strip::channels).collect::<Vec<_>>(), [128, 256, 512]);
    }

    #[test]
    fn networks_without_pooling_bottleneck_or_classifier_have_strips_too() {
        let plain = of("densenet-40-12", 32);
        assert_eq!(plain[0].title, "Stem, 3×3 convolution");
        assert_eq!(plain.iter().filter(|strip| strip.kind == Kind::Layer).count(), 36);
        let mut bare = Architecture::preset("densenet121").expect("a preset");
        bare.head = Head::linear(None);
        let strips = strips(&bare, InputSize::square(64)).expect("a plan");
        assert!(strips.iter().all(|strip| strip.kind != Kind::Classes));
        assert!(strips.iter().all(|strip| strip.view(true).channels >= strip.view(false).channels));
        let layers = vec![HeadLayer::Linear { outputs: 9 }, HeadLayer::Relu, HeadLayer::Linear { outputs: 5 }];
        let headed = Architecture { head: Head { layers, ..Head::linear(None) }, ..bare };
        let maps = super::strips(&headed, InputSize::square(64)).expect("a plan").pop().expect("class maps");
        assert_eq!((maps.sum().as_str(), maps.new.tap.as_str()), ("5 maps of 2×2", CLASS_MAPS));
    }
}
