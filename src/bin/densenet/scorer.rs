//! From prepared pictures to logits: batches are submitted ahead, so that the adapter has work while results are read
//! and pictures are prepared.

use std::collections::VecDeque;
use std::path::PathBuf;

use densenet_wgpu::{InputSize, Session, picture};

use crate::runner::{Flight, Prepared, Runner, Tap};

/// A picture on its way: prepared, or why not.
pub(crate) struct Job {
    pub(crate) path: PathBuf,
    pub(crate) prepared: anyhow::Result<picture::Prepared>,
    /// The picture itself, where it will be written again.
    pub(crate) picture: Option<picture::Picture>,
}

impl Job {
    /// What was noticed while the picture was prepared.
    pub(crate) fn warnings(&self) -> &[String] {
        self.prepared.as_ref().map(|picture| picture.warnings.as_slice()).unwrap_or_default()
    }
}

/// What the network says of one picture.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) logits: Vec<f32>,
    /// The tap that was asked for.
    pub(crate) tap: Option<Tap>,
}

/// Pictures that are reported together, and the result of each; none where there is no picture.
pub(crate) struct Batch {
    pub(crate) jobs: Vec<Job>,
    pub(crate) rows: Vec<Option<Row>>,
    /// Passes in flight.
    passes: usize,
}

/// A pass in flight.
struct Pass {
    /// Number of its batch, counted from the start.
    batch: usize,
    /// Its pictures.
    indices: Vec<usize>,
    flight: Flight,
}

/// Runs batches, with a session for the size that came last.
pub(crate) struct Scorer<'a> {
    runner: &'a Runner,
    /// Pictures of one pass at most.
    most: usize,
    /// A layer whose output is read back too.
    tap: Option<&'static str>,
    prepared: Option<(InputSize, Prepared<'a>)>,
    batches: VecDeque<Batch>,
    /// Batches that were taken from the front of `batches`.
    taken: usize,
    flying: VecDeque<Pass>,
}

impl<'a> Scorer<'a> {
    pub(crate) fn new(runner: &'a Runner, most: usize, tap: Option<&'static str>) -> Scorer<'a> {
        Scorer { runner, most, tap, prepared: None, batches: VecDeque::new(), taken: 0, flying: VecDeque::new() }
    }

    /// Whether there is a result to wait for.
    pub(crate) fn is_busy(&self) -> bool {
        !self.flying.is_empty()
    }

    /// Submits a batch, in a pass or more for each size. A size that the network refuses becomes its pictures' error.
    pub(crate) fn start(&mut self, jobs: Vec<Job>) -> anyhow::Result<()> {
        let mut todo: Vec<(InputSize, usize)> =
            jobs.iter().enumerate().filter_map(|(i, job)| Some((job.prepared.as_ref().ok()?.size, i))).collect();
        todo.sort_by_key(|&(size, index)| (size.height, size.width, index));
        let number = self.taken + self.batches.len();
        self.batches.push_back(Batch { rows: vec![None; jobs.len()], jobs, passes: 0 });
        for group in todo.chunk_by(|a, b| a.0 == b.0) {
            let indices: Vec<usize> = group.iter().map(|&(_, index)| index).collect();
            match self.prepare(group[0].0) {
                Ok(most) => indices.chunks(most).try_for_each(|indices| self.submit(number, indices))?,
                Err(error) if is_about_input(&error) => {
                    let jobs = &mut self.batch(number).jobs;
                    for index in indices {
                        jobs[index].prepared = Err(anyhow::anyhow!("{}: {error:#}", jobs[index].path.display()));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for the pass that was submitted first, if there is one.
    pub(crate) fn land(&mut self) -> anyhow::Result<()> {
        let Some(Pass { batch, indices, flight }) = self.flying.pop_front() else { return Ok(()) };
        let outcome = flight.land()?;
        let batch = self.batch(batch);
        batch.passes -= 1;
        let tap = |place: usize| {
            outcome.tap.as_ref().map(|tap| {
                let image = tap.data.len() / indices.len();
                Tap { shape: tap.shape, data: tap.data[place * image..][..image].to_vec() }
            })
        };
        let rows = outcome.logits.chunks(outcome.logits.len() / indices.len());
        for (place, (&index, row)) in indices.iter().zip(rows).enumerate() {
            batch.rows[index] = Some(Row { logits: row.to_vec(), tap: tap(place) });
        }
        Ok(())
    }

    /// The next batch in the order in which they came, once all of it is there.
    pub(crate) fn done(&mut self) -> Option<Batch> {
        self.batches.front().filter(|batch| batch.passes == 0)?;
        self.taken += 1;
        self.batches.pop_front()
    }

    fn batch(&mut self, number: usize) -> &mut Batch {
        &mut self.batches[number - self.taken]
    }

    /// Has a session for `size`, and says how many pictures it takes in one pass.
    fn prepare(&mut self, size: InputSize) -> anyhow::Result<usize> {
        if let Some((_, ready)) = self.prepared.as_ref().filter(|(ready, _)| *ready == size) {
            return Ok(ready.most());
        }
        // The old buffers go before new ones are made.
        while self.is_busy() {
            self.land()?;
        }
        self.prepared = None;
        let (_, ready) = self.prepared.insert((size, self.runner.prepare(size, self.most, self.tap)?));
        Ok(ready.most())
    }

    fn submit(&mut self, number: usize, indices: &[usize]) -> anyhow::Result<()> {
        if self.flying.len() == Session::IN_FLIGHT {
            self.land()?;
        }
        let jobs = &self.batches[number - self.taken].jobs;
        let pictures = indices.iter().filter_map(|&index| jobs[index].prepared.as_ref().ok());
        let images: Vec<f32> = pictures.flat_map(|picture| picture.data.iter().copied()).collect();
        let Some((_, prepared)) = &mut self.prepared else { return Ok(()) };
        let flight = prepared.start(&images, indices.len())?;
        self.batch(number).passes += 1;
        self.flying.push_back(Pass { batch: number, indices: indices.to_vec(), flight });
        Ok(())
    }
}

fn is_about_input(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(densenet_wgpu::Error::Input(_) | densenet_wgpu::Error::Limit { .. }))
}
