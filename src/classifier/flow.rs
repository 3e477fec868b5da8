//! Passes in flight: batches are submitted ahead, so that the engine works while results are read.

use std::collections::VecDeque;

use super::classifier::Classifier;
use super::engine::{Flight, MAX_FLIGHTS, Runner, Shape};
use super::input::Ready;
use super::prediction::Prediction;
use crate::architecture::InputSize;
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

/// Runs prepared pictures and keeps their order, a step at a time, so that each answer can be had as soon as it is known.
/// There is one runner, for the size that came last.
pub(super) struct Flow {
    classifier: Classifier,
    /// Pictures of one pass.
    batch: usize,
    runner: Option<(Shape, Runner)>,
    places: VecDeque<Place>,
    /// Pictures already taken from the front of `places`.
    taken: usize,
    /// Pictures to submit: those of one size, then those of the next.
    queue: VecDeque<Vec<usize>>,
    flying: VecDeque<Pass>,
}

impl Flow {
    /// `most`: how many pictures will come at most, if known.
    pub(super) fn new(classifier: &Classifier, most: Option<usize>) -> Flow {
        let batch = classifier.batch().min(most.unwrap_or(usize::MAX)).max(1);
        Flow {
            classifier: classifier.clone(),
            batch,
            runner: None,
            places: VecDeque::new(),
            taken: 0,
            queue: VecDeque::new(),
            flying: VecDeque::new(),
        }
    }

    /// Whether there is a result to wait for.
    pub(super) fn is_flying(&self) -> bool {
        !self.flying.is_empty()
    }

    /// Whether there are pictures to submit.
    pub(super) fn has_more(&self) -> bool {
        !self.queue.is_empty()
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

    /// Takes prepared pictures, to be submitted size by size.
    pub(super) fn add(&mut self, batch: Vec<Result<Ready>>) {
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
        let groups = todo.chunk_by(|a, b| a.0 == b.0);
        let mut groups: Vec<Vec<usize>> =
            groups.map(|group| group.iter().map(|&(_, number)| number).collect()).collect();
        // The sooner the first picture is answered, the sooner are those behind it.
        groups.sort_unstable_by_key(|numbers| numbers[0]);
        self.queue.extend(groups);
    }

    /// Submits the next pass, or waits for the oldest if as many are in flight as may be. If a size is refused, each of its
    /// pictures gets the error.
    pub(super) fn advance(&mut self) -> Result<()> {
        let Some(numbers) = self.queue.front() else { return self.land() };
        let first = numbers[0];
        // Free the old buffers before new ones are made.
        if self.flying.len() == MAX_FLIGHTS || (self.is_flying() && !self.has_runner_for(first)) {
            return self.land();
        }
        match self.runner_for(first) {
            Ok(most) => {
                let Some(numbers) = self.queue.front_mut() else { return Ok(()) };
                let pass = numbers.drain(..most.min(numbers.len())).collect();
                if numbers.is_empty() {
                    self.queue.pop_front();
                }
                self.submit(pass)
            }
            Err(error) if error.concerns_input() => {
                for number in self.queue.pop_front().unwrap_or_default() {
                    *self.place(number) = Place::Answered(Err(error.again()));
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
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

    fn size_of(&self, number: usize) -> InputSize {
        let Place::Waiting(ready) = &self.places[number - self.taken] else {
            unreachable!("only waiting pictures are started")
        };
        ready.size
    }

    fn has_runner_for(&self, number: usize) -> bool {
        self.runner.as_ref().is_some_and(|(has, _)| has.size == self.size_of(number))
    }

    /// Makes sure that there is a runner for the size of a waiting picture. Returns how many pictures it takes in one pass.
    fn runner_for(&mut self, number: usize) -> Result<usize> {
        if !self.has_runner_for(number) {
            self.runner = None;
            let inner = self.classifier.inner.clone();
            let shape = self.classifier.shape(self.size_of(number), &inner.outputs, self.batch);
            self.runner = Some(match inner.pool.take(&shape) {
                Some(idle) => idle,
                None => {
                    let runner = inner.loaded.runner_blocking(&shape, inner.cancel.as_ref())?;
                    (shape, runner)
                }
            });
        }
        Ok(self.runner.as_ref().map_or(1, |(_, runner)| runner.batch().min(self.batch)))
    }

    fn submit(&mut self, numbers: Vec<usize>) -> Result<()> {
        let mut pictures = Vec::with_capacity(numbers.len());
        for number in numbers {
            if let Place::Waiting(ready) = std::mem::replace(self.place(number), Place::InFlight) {
                pictures.push((number, ready));
            }
        }
        let images: Vec<f32> = pictures.iter().flat_map(|(_, ready)| ready.data.iter().copied()).collect();
        let Some((_, runner)) = &mut self.runner else { return Ok(()) };
        let flight = runner.start(&images)?;
        // An engine that computes at once is not kept waiting for the next picture.
        let is_done = matches!(flight, Flight::Done(_));
        self.flying.push_back(Pass { pictures, flight });
        if is_done { self.land() } else { Ok(()) }
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
