//! The networks that every engine is asked, with the right answers.

use densenet_wgpu::architecture::Architecture;
use densenet_wgpu::reference::Outputs;
use densenet_wgpu::weights::{self, Weights};
use densenet_wgpu::{InputSize, Precision};

use crate::agreement::Question;

/// Of the network that is timed.
pub(crate) const USUAL_SIZE: InputSize = InputSize { height: 224, width: 224 };
/// Small enough for the reference, and large enough for every kind of layer.
const SMALL_SIZE: InputSize = InputSize { height: 64, width: 64 };
const DIGIT_SIZE: InputSize = InputSize { height: 28, width: 28 };

/// The weights of all networks.
pub(crate) struct Networks {
    digits: Weights,
    pub(crate) densenet121: Weights,
}

/// A network, and what the reference answers.
pub(crate) struct Case<'a> {
    pub(crate) question: Question<'a>,
    pub(crate) right: Outputs,
    /// The size whose kernels are prepared, and so answer the self-test.
    pub(crate) prepared: InputSize,
    pub(crate) precisions: &'static [Precision],
}

impl Networks {
    pub(crate) fn new() -> anyhow::Result<Networks> {
        let architecture = Architecture::from_name_or_file("densenet121")?;
        Ok(Networks { digits: weights::embedded()?, densenet121: Weights::random(&architecture, 0)? })
    }

    /// The cases, once the reference has answered them.
    pub(crate) fn cases(&self) -> anyhow::Result<Vec<Case<'_>>> {
        let digits = (&self.digits, DIGIT_SIZE, DIGIT_SIZE, &[Precision::F32][..]);
        let densenet121 = (&self.densenet121, SMALL_SIZE, USUAL_SIZE, &[Precision::F32, Precision::F16][..]);
        let case = |(weights, size, prepared, precisions)| {
            let question = Question::new(weights, size, 1)?;
            let right = question.right()?;
            Ok(Case { question, right, prepared, precisions })
        };
        [digits, densenet121].into_iter().map(case).collect()
    }
}
