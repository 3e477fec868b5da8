//! Many pictures, answered in their order.

use std::collections::HashMap;

#[cfg(not(target_arch = "wasm32"))]
use super::ahead::Ahead;
use super::classifier::Classifier;
#[cfg(not(target_arch = "wasm32"))]
use super::flow::Flow;
use super::input::{Input, Ready};
use super::prediction::Prediction;
use crate::architecture::InputSize;
use crate::error::Result;

impl Classifier {
    /// Classifies many pictures, up to [`Classifier::batch`] of the same size in one pass. Answers are in the pictures' order. A
    /// picture that cannot be read, or is refused, yields an error of its own, and the others go on.
    ///
    /// # Errors
    /// Errors that do not [concern one picture](crate::Error::concerns_input), as [`Classifier::classify`].
    pub async fn classify_many<I>(&self, pictures: I) -> Result<Vec<Result<Prediction>>>
    where
        I: IntoIterator,
        I::Item: Into<Input>,
    {
        let mut answers: Vec<Option<Result<Prediction>>> = Vec::new();
        let mut waiting: HashMap<InputSize, Vec<(usize, Ready)>> = HashMap::new();
        for (index, picture) in pictures.into_iter().enumerate() {
            answers.push(None);
            match self.prepare(picture.into()) {
                Ok(ready) => {
                    let size = ready.size;
                    let group = waiting.entry(size).or_default();
                    group.push((index, ready));
                    if group.len() == self.batch() {
                        let group = waiting.remove(&size).unwrap_or_default();
                        self.classify_group(group, &mut answers).await?;
                    }
                }
                Err(error) if error.concerns_input() => answers[index] = Some(Err(error)),
                Err(error) => return Err(error),
            }
        }
        for (_, group) in waiting {
            self.classify_group(group, &mut answers).await?;
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Pictures of one size.
    async fn classify_group(
        &self,
        group: Vec<(usize, Ready)>,
        answers: &mut [Option<Result<Prediction>>],
    ) -> Result<()> {
        let Some((_, first)) = group.first() else { return Ok(()) };
        let shape = self.shape(first.size, &self.inner.outputs, self.batch());
        let found = match self.inner.pool.take(&shape) {
            Some(idle) => Ok(idle),
            None => self.inner.loaded.runner(&shape, self.inner.cancel.as_ref()).await.map(|runner| (shape, runner)),
        };
        let (shape, mut runner) = match found {
            Ok(found) => found,
            Err(error) if error.concerns_input() => {
                group.iter().for_each(|&(index, _)| answers[index] = Some(Err(error.again())));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let images: Vec<f32> = group.iter().flat_map(|(_, ready)| ready.data.iter().copied()).collect();
        let rows = runner.run(&images).await?;
        self.inner.pool.put(shape, runner);
        for ((index, ready), row) in group.into_iter().zip(rows) {
            answers[index] = Some(Ok(self.prediction(ready, row)));
        }
        Ok(())
    }

    /// Like [`Classifier::classify_many`], but an iterator that yields each answer as soon as it and those before it are ready.
    /// Another thread reads and prepares the next pictures meanwhile.
    ///
    /// ```
    /// # #[cfg(feature = "safetensors")]
    /// # fn main() -> densenet_wgpu::Result<()> {
    /// use densenet_wgpu::{Classifier, ClassifierOptions};
    ///
    /// let classifier = Classifier::embedded_blocking(ClassifierOptions::default().engine("reference"))?;
    /// let digits = ["0-plain.png", "none.png"].map(|name| format!("tests/images/digits/{name}"));
    /// for (path, prediction) in digits.iter().zip(classifier.classify_many_blocking(digits.clone())) {
    ///     match prediction {
    ///         Ok(prediction) => println!("{path}: {}", prediction.top(1)[0].label),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "safetensors"))]
    /// # fn main() {}
    /// ```
    #[cfg(not(target_arch = "wasm32"))]
    pub fn classify_many_blocking<I>(&self, pictures: I) -> Predictions
    where
        I: IntoIterator,
        I::Item: Into<Input>,
        I::IntoIter: Send + 'static,
    {
        let pictures = pictures.into_iter();
        let (_, most) = pictures.size_hint();
        Predictions { flow: Flow::new(self, most), ahead: Ahead::start(self, pictures), is_over: false }
    }
}

/// The answers of [`Classifier::classify_many_blocking`], in the pictures' order.
///
/// An error that [concerns an input](crate::Error::concerns_input) is that picture's; after any other error the iterator
/// ends. What was finished before it comes first. Dropping the iterator stops the work.
#[cfg(not(target_arch = "wasm32"))]
pub struct Predictions {
    ahead: Ahead,
    flow: Flow,
    is_over: bool,
}

#[cfg(not(target_arch = "wasm32"))]
impl Iterator for Predictions {
    type Item = Result<Prediction>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            if let Some(answer) = self.flow.next_answer() {
                self.is_over = answer.as_ref().is_err_and(|error| !error.concerns_input());
                return Some(answer);
            }
            if let Err(error) = self.step() {
                self.is_over = true;
                return Some(Err(error));
            }
        }
        None
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Predictions {
    /// Prepared pictures go to the engine first. While there are none, results are read.
    fn step(&mut self) -> Result<()> {
        if self.flow.has_more() {
            return self.flow.advance();
        }
        let prepared = if self.flow.is_flying() { self.ahead.try_next() } else { self.ahead.next()? };
        match prepared {
            Some(batch) => self.flow.add(batch),
            None if self.flow.is_flying() => self.flow.land()?,
            None => self.is_over = true,
        }
        Ok(())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl std::fmt::Debug for Predictions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Predictions").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}
