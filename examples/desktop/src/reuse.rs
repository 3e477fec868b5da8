//! Feature reuse: how strongly each layer of a dense block reads the layers before it (figure 5 of the DenseNet paper).

use densenet_wgpu::{Result, Weights};

/// One dense block. The sources are its input and its layers; the targets are its layers and the reader of the whole block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reuse {
    /// `weights[target][source]`: the mean absolute weight of the convolution's channels that come from the source.
    pub(crate) weights: Vec<Vec<f32>>,
    /// Whether the block's reader is a transition. If not, it is the classifier, or there is none: only a plain head reads channels as they are.
    pub(crate) ends_in_transition: bool,
}

/// The reuse of every block, computed from the weights alone.
///
/// # Errors
/// Where a tensor is missing.
pub(crate) fn of(weights: &Weights) -> Result<Vec<Reuse>> {
    let architecture = weights.architecture();
    let blocks = architecture.layers.iter().enumerate();
    blocks
        .map(|(block, &layers)| {
            let sources = |count: usize| {
                let mut channels = vec![architecture.block_input_channels(block)];
                channels.resize(count + 1, architecture.growth_rate);
                channels
            };
            let mut rows = Vec::new();
            for layer in 0..layers {
                let name = format!("features.denseblock{}.denselayer{}.conv1.weight", block + 1, layer + 1);
                rows.push(means(weights, &name, &sources(layer))?);
            }
            let ends_in_transition = block + 1 < architecture.layers.len();
            if ends_in_transition {
                rows.push(means(weights, &format!("features.transition{}.conv.weight", block + 1), &sources(layers))?);
            } else if architecture.head.is_plain() {
                rows.push(means(weights, "classifier.weight", &sources(layers))?);
            }
            Ok(Reuse { weights: rows, ends_in_transition })
        })
        .collect()
}

/// The mean absolute weight of each source's channels.
fn means(weights: &Weights, name: &str, sources: &[usize]) -> Result<Vec<f32>> {
    let tensor = weights.tensor(name)?;
    let inputs = tensor.shape[1];
    let window: usize = tensor.shape[2..].iter().product();
    let mut sums = vec![0.0f64; inputs];
    for output in tensor.data.chunks_exact(inputs * window) {
        for (sum, input) in sums.iter_mut().zip(output.chunks_exact(window)) {
            *sum += input.iter().map(|w| f64::from(w.abs())).sum::<f64>();
        }
    }
    let mut rest = sums.as_slice();
    let mean = |&channels: &usize| {
        let (part, after) = rest.split_at(channels);
        rest = after;
        (part.iter().sum::<f64>() / (channels * window * tensor.shape[0]) as f64) as f32
    };
    Ok(sources.iter().map(mean).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use densenet_wgpu::Tensor;
    use densenet_wgpu::architecture::Recipe;

    #[test]
    fn each_source_has_the_mean_of_its_own_weights() {
        let architecture = Recipe { classes: Some(3), ..Recipe::imagenet(4, &[2, 1]) }.build("two");
        let random = Weights::random(&architecture, 0).expect("weights");
        let mut tensors = random.tensors().clone();
        let name = "features.denseblock1.denselayer2.conv1.weight";
        let entry = architecture.block_input_channels(0);
        let Tensor { shape, data } = tensors.get_mut(name).expect("the tensor");
        let inputs = shape[1];
        assert_eq!(inputs, entry + 4);
        data.iter_mut().enumerate().for_each(|(i, w)| *w = if i % inputs < entry { -0.5 } else { 2.0 });
        let reuse = of(&Weights::new(architecture, tensors).expect("weights")).expect("reuse");
        assert_eq!(reuse[0].weights[1], [0.5, 2.0]);
        assert_eq!(reuse[0].weights.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(reuse[1].weights.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((reuse[0].ends_in_transition, reuse[1].ends_in_transition), (true, false));
    }
}
