//! Passes in flight: batches are submitted ahead, so that the engine works while results are read.

use std::collections::VecDeque;

use super::classifier::Classifier;
use super::engine::{Flight, MAX_FLIGHTS, Runner, Shape};
use super::input::Ready;
use super::prediction::Prediction;
use crate::error::Result;

/// A picture on its way.
enum Place {
    Waiting(Ready),
    InFlight,
    Answered(Result<Prediction>),
}

/// A pass in flight.
struct Pass {
    /// Its pictures, by their numbers since the start.
    pictures: Vec<(usize, Ready)>,
    flight: Flight,
}

/// Runs prepared pictures and keeps their order. There is one runner, for the size that came last.
pub(super) struct Flow {
    classifier: Classifier,
    /// Pictures of one pass.
    batch: usize,
    runner: Option<(Shape, Runner)>,
    places: VecDeque<Place>,
    /// Pictures already taken from the front of `places`.
    taken: usize,
    flying: VecDeque<Pass>,
}

impl Flow {
    /// `most`: how many pictures will come at most, if known.
    pub(super) fn new(classifier: &Classifier, most: Option<usize>) -> Flow {
        let batch = classifier.batch().min(most.unwrap_or(usize::MAX)).max(1);
        let (places, flying) = (VecDeque::new(), VecDeque::new());
        Flow { classifier: classifier.clone(), batch, runner: None, places, taken: 0, flying }
    }

    /// Whether there is a result to wait for.
    pub(super) fn is_busy(&self) -> bool {
        !self.flying.is_empty()
    }

    /// The next answer in the pictures' order, if it is ready.
    pub(super) fn next_answer(&mut self) -> Option<Result<Prediction>> {
        match self.places.pop_front()? {
            Place::Answered(answer) => {
                self.taken += 1;
                Some(answer)
            }
            place => {
                self.places.push_front(place);
                None
            }
        }
    }

    /// Submits pictures, in one or more passes for each size. If a size is refused, each of its pictures gets the error.
    pub(super) fn start(&mut self, batch: Vec<Result<Ready>>) -> Result<()> {
        let first = self.taken + self.places.len();
        let mut todo = Vec::new();
        for (number, picture) in (first..).zip(batch) {
            if let Ok(ready) = &picture {
                todo.push(((ready.size.height, ready.size.width), number));
            }
            self.places.push_back(match picture {
                Ok(ready) => Place::Waiting(ready),
                Err(error) => Place::Answered(Err(error)),
            });
        }
        todo.sort_unstable();
        for group in todo.chunk_by(|a, b| a.0 == b.0) {
            let numbers: Vec<usize> = group.iter().map(|&(_, number)| number).collect();
            match self.runner_for(numbers[0]) {
                Ok(most) => numbers.chunks(most).try_for_each(|numbers| self.submit(numbers))?,
                Err(error) if error.concerns_input() => {
                    for number in numbers {
                        *self.place(number) = Place::Answered(Err(error.again()));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for the oldest pass.
    pub(super) fn land(&mut self) -> Result<()> {
        let Some(Pass { pictures, flight }) = self.flying.pop_front() else { return Ok(()) };
        for ((number, ready), row) in pictures.into_iter().zip(flight.land()?) {
            let prediction = self.classifier.prediction(ready, row);
            *self.place(number) = Place::Answered(Ok(prediction));
        }
        Ok(())
    }

    fn place(&mut self, number: usize) -> &mut Place {
        &mut self.places[number - self.taken]
    }

    /// Makes sure that there is a runner for the size of a waiting picture. Returns how many pictures it takes in one pass.
    fn runner_for(&mut self, number: usize) -> Result<usize> {
        let inner = self.classifier.inner.clone();
        let Place::Waiting(ready) = self.place(number) else { unreachable!("only waiting pictures are started") };
        let size = ready.size;
        if let Some((_, runner)) = self.runner.as_ref().filter(|(has, _)| has.size == size) {
            return Ok(runner.batch().min(self.batch));
        }
        let Place::Waiting(ready) = &self.places[number - self.taken] else { unreachable!("checked above") };
        let shape = self.classifier.shape(ready, &inner.outputs, self.batch);
        // Free the old buffers before new ones are made.
        while self.is_busy() {
            self.land()?;
        }
        self.runner = None;
        let (shape, runner) = match inner.pool.take(&shape) {
            Some(idle) => idle,
            None => {
                let runner = inner.loaded.runner_blocking(&shape, inner.cancel.as_ref())?;
                (shape, runner)
            }
        };
        let most = runner.batch().min(self.batch);
        self.runner = Some((shape, runner));
        Ok(most)
    }

    fn submit(&mut self, numbers: &[usize]) -> Result<()> {
        if self.flying.len() == MAX_FLIGHTS {
            self.land()?;
        }
        let mut pictures = Vec::with_capacity(numbers.len());
        for &number in numbers {
            if let Place::Waiting(ready) = std::mem::replace(self.place(number), Place::InFlight) {
                pictures.push((number, ready));
            }
        }
        let images: Vec<f32> = pictures.iter().flat_map(|(_, ready)| ready.data.iter().copied()).collect();
        let Some((_, runner)) = &mut self.runner else { return Ok(()) };
        let flight = runner.start(&images)?;
        self.flying.push_back(Pass { pictures, flight });
        Ok(())
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        // A runner with passes in flight cannot serve others.
        if self.flying.is_empty()
            && let Some((shape, runner)) = self.runner.take()
        {
            self.classifier.inner.pool.put(shape, runner);
        }
    }
}
