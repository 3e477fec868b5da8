//! Small networks whose answers are exact in f32, for asking an adapter whether it computes right.
//!
//! Weights and images are small integers, batch norms have a scale of 1, and means are taken over powers of two. So every sum is
//! exact in whatever order it is summed, and one wrong bit shows. Sizes are odd and channels fill no quad, so that edges count.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::architecture::{
    Architecture, Head, HeadLayer, InputSize, Padding, Parameter, Pooling, Recipe, Stem, StemPool,
};
use crate::error::Result;
use crate::reference::{Outputs, forward};
use crate::weights::{Tensor, Weights};

/// A network and its images.
pub(crate) struct Question {
    pub(crate) weights: Weights,
    pub(crate) size: InputSize,
    pub(crate) images: usize,
    /// NCHW.
    pub(crate) input: Vec<f32>,
    /// How far an answer may be off, as a share of its size or of 1: 0 where it is exact.
    tolerance: f32,
    answer: OnceLock<Outputs>,
}

/// With `1 - EPS` as variances, scales are 1.
const EPS: f64 = 1.0 / 1024.0;

/// Every question. Together they run every kind of step.
///
/// # Errors
/// None: the networks are possible ones.
pub(crate) fn questions() -> Result<&'static [Question]> {
    static QUESTIONS: OnceLock<Vec<Question>> = OnceLock::new();
    match QUESTIONS.get() {
        Some(questions) => Ok(questions),
        None => {
            let made = Question::all()?;
            Ok(QUESTIONS.get_or_init(|| made))
        }
    }
}

impl Question {
    fn all() -> Result<Vec<Question>> {
        let size = |height, width| InputSize { height, width };
        let recipe =
            |stem, layers: &[usize]| Recipe { stem, eps: EPS, classes: Some(7), ..Recipe::imagenet(5, layers) };
        // Of 31x29, 16x15 behind the stem, 8x8 behind its pool, 4x4 in the end.
        let usual = recipe(Stem { channels: 10, ..Stem::imagenet(10) }, &[2, 1]);
        let pool = StemPool { kernel: 3, stride: 2, padding: Padding::Same };
        let same = Stem { channels: 9, kernel: 3, stride: 1, padding: Padding::Same, norm: true, pool: Some(pool) };
        let wide = Recipe { input_channels: 5, ..recipe(same, &[1]) };
        let plain = Recipe { input_channels: 1, bottleneck_factor: None, ..recipe(Stem::cifar(6), &[2]) };
        let layers = [
            HeadLayer::Linear { outputs: 9 },
            HeadLayer::Relu,
            HeadLayer::BatchNorm { eps: EPS },
            HeadLayer::Linear { outputs: 6 },
        ];
        let head =
            |pooling, layers: &[HeadLayer]| Head { relu: true, pooling, layers: layers.to_vec(), branches: Vec::new() };
        let with = |recipe: Recipe, head| Architecture { head, ..recipe.build("question") };
        // More quads of channels than most workgroups split their sums into, and not a multiple.
        let deep = Recipe { growth_rate: 34, ..recipe(Stem::cifar(138), &[1]) };
        let curved = [HeadLayer::Tanh, HeadLayer::Linear { outputs: 9 }, HeadLayer::Softmax];
        Ok(vec![
            Question::new(usual.build("question"), size(31, 29), 2)?,
            // More pixels than any block has, and rows that end inside one.
            Question::new(with(recipe(Stem::cifar(6), &[1]), head(Pooling::Maximum, &[])), size(19, 37), 1)?,
            Question::new(with(deep, head(Pooling::Maximum, &[HeadLayer::Linear { outputs: 37 }])), size(7, 11), 1)?,
            Question::new(with(wide, head(Pooling::AverageMaximum, &layers)), size(8, 16), 1)?,
            Question::new(with(plain, head(Pooling::Flatten { height: 7, width: 9 }, &layers)), size(7, 9), 2)?,
            Question {
                tolerance: 1e-4,
                ..Question::new(with(recipe(Stem::cifar(6), &[1]), head(Pooling::Average, &curved)), size(4, 4), 1)?
            },
        ])
    }

    fn new(architecture: Architecture, size: InputSize, images: usize) -> Result<Question> {
        let tensors: BTreeMap<String, Tensor> =
            architecture.parameters()?.iter().map(|parameter| (parameter.name.clone(), tensor(parameter))).collect();
        let elements = images * architecture.input_channels * size.height * size.width;
        let input = integers(elements, 5, 3).collect();
        Ok(Question {
            weights: Weights::new(architecture, tensors)?,
            size,
            images,
            input,
            tolerance: 0.0,
            answer: OnceLock::new(),
        })
    }

    /// The first value that is wrong.
    pub(crate) fn first_wrong(&self, got: &[f32], want: &[f32]) -> Option<usize> {
        let right = |got: f32, want: f32| (got - want).abs() <= self.tolerance * want.abs().max(1.0);
        // NaN is not below anything.
        let wrong = got.iter().zip(want).position(|(&got, &want)| !right(got, want));
        wrong.or((got.len() != want.len()).then_some(got.len().min(want.len())))
    }

    /// What is right.
    ///
    /// # Errors
    /// As [`forward`].
    pub(crate) fn answer(&self) -> Result<&Outputs> {
        match self.answer.get() {
            Some(answer) => Ok(answer),
            None => {
                let answer = forward(&self.weights, &self.input, self.images, self.size)?;
                Ok(self.answer.get_or_init(|| answer))
            }
        }
    }
}

fn tensor(parameter: &Parameter) -> Tensor {
    let count = parameter.shape.iter().product();
    let data = match parameter.name.rsplit('.').next() {
        Some("running_var") => vec![(1.0 - EPS) as f32; count],
        Some("running_mean") => integers(count, 3, 11).collect(),
        Some("bias") => integers(count, 3, 5).collect(),
        // Of a batch norm: a scale.
        _ if parameter.shape.len() == 1 => vec![1.0; count],
        // Most are 0, so that no sum grows beyond what f32 holds exactly.
        _ => integers(count, 9, 7).map(|value| if value.abs() <= 1.0 { value } else { 0.0 }).collect(),
    };
    Tensor { shape: parameter.shape.clone(), data }
}

/// Integers of `kinds` kinds around 0, with no pattern that a kernel's tiles could share.
fn integers(count: usize, kinds: u32, seed: u32) -> impl Iterator<Item = f32> {
    (0..count as u32).map(move |index| {
        let mixed = index.wrapping_add(seed).wrapping_mul(0x9e37_79b1);
        let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca77);
        (((mixed ^ (mixed >> 13)) % kinds) as i32 - (kinds / 2) as i32) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_exact_and_say_something() {
        for question in questions().unwrap().iter().filter(|question| question.tolerance == 0.0) {
            let answer = question.answer().unwrap();
            for (name, maps) in answer.iter() {
                let most = maps.data.iter().fold(0.0f32, |most, value| most.max(value.abs()));
                // Sixteenths at the finest, and sums of a few hundred such values stay exact.
                assert!(maps.data.iter().all(|value| (value * 64.0).fract() == 0.0), "{name} is not exact");
                assert!(most < 32_768.0, "{name} grows to {most}");
                let kinds: std::collections::BTreeSet<u32> = maps.data.iter().map(|value| value.to_bits()).collect();
                assert!(kinds.len() > 4, "{name} has {} values", kinds.len());
            }
        }
    }
}
