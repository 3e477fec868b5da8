//! The image before the stem: what a network does to pixels.

use std::rc::Rc;

use super::super::pictures::{Resizing, Step};
use super::function::Operator;
use super::node::Which;
use crate::architecture::{InputSize, InputTransform, Padding};

/// More channels than any camera has. It bounds the work on made-up ones.
const MAX_CHANNELS: usize = 256;

/// Images on their way to the stem.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// Channels as the file states them; none where it does not.
    channels: Option<usize>,
    /// What was done to each pixel.
    transform: Option<Rc<InputTransform>>,
    /// Rows and columns, where they are known.
    pub(super) size: Option<[usize; 2]>,
    /// Zeros around it.
    pub(super) zeros: Option<[usize; 4]>,
    /// How it was resized and cropped.
    pub(super) steps: Rc<Vec<Step>>,
}

impl Image {
    pub(super) fn new(channels: Option<usize>, size: Option<[usize; 2]>) -> Self {
        Image { channels, transform: None, size, zeros: None, steps: Rc::default() }
    }

    /// What is done to each pixel. None: nothing.
    pub(super) fn transform(&self) -> Option<InputTransform> {
        self.transform.as_deref().filter(|transform| !transform.is_identity()).cloned()
    }

    pub(super) fn channels(&self) -> Option<usize> {
        self.transform.as_ref().map_or(self.channels, |transform| Some(transform.outputs()))
    }

    /// The transform so far, to be changed.
    fn rows(&self) -> Result<InputTransform, String> {
        if self.zeros.is_some() {
            return Err("zeros are padded before it, and would no longer be zeros".into());
        }
        match (&self.transform, self.channels) {
            (Some(transform), _) => Ok((**transform).clone()),
            (None, Some(channels @ 1..=MAX_CHANNELS)) => Ok(InputTransform::identity(channels)),
            (None, Some(channels)) => {
                Err(format!("it changes images of {channels} channels: up to {MAX_CHANNELS} are possible"))
            }
            (None, None) => Err("it changes images whose number of channels is not stated".into()),
        }
    }

    fn with(&self, transform: InputTransform) -> Result<Image, String> {
        let numbers = transform.weights.iter().flatten().chain(&transform.shift);
        match transform.outputs() {
            1..=MAX_CHANNELS if numbers.into_iter().all(|x| x.is_finite()) => {
                Ok(Image { transform: Some(Rc::new(transform)), ..self.clone() })
            }
            1..=MAX_CHANNELS => Err("what it makes of pixels is not finite".into()),
            channels => Err(format!("it makes {channels} channels: 1 to {MAX_CHANNELS} are possible")),
        }
    }

    /// An operation with a number for each channel. Of a grey image and several numbers it makes as many channels.
    pub(super) fn arithmetic(&self, operator: Operator, constants: &[f64], first: bool) -> Result<Image, String> {
        let mut rows = self.rows()?;
        if rows.outputs() == 1 && constants.len() > 1 && constants.len() <= MAX_CHANNELS {
            rows = selected(&rows, &vec![0; constants.len()]);
        }
        if constants.len() != 1 && constants.len() != rows.outputs() {
            return Err(format!("it has {} numbers for {} channels", constants.len(), rows.outputs()));
        }
        for (i, (row, shift)) in rows.weights.iter_mut().zip(&mut rows.shift).enumerate() {
            let constant = constants[if constants.len() == 1 { 0 } else { i }];
            let (factor, offset) = operator.affine(constant, first).ok_or(
                "it changes pixels in a way that is not linear: a sum or a product with constants is expected",
            )?;
            row.iter_mut().for_each(|weight| *weight *= factor);
            *shift = *shift * factor + offset;
        }
        self.with(rows)
    }

    /// Each channel times its scale plus its shift.
    pub(super) fn affine(&self, scale: &[f64], shift: &[f64]) -> Result<Image, String> {
        self.arithmetic(Operator::Multiply, scale, false)?.arithmetic(Operator::Add, shift, false)
    }

    /// A 1x1 convolution: `weights` `[out][in]`.
    pub(super) fn mixed(&self, weights: Vec<Vec<f64>>, shift: Vec<f64>) -> Result<Image, String> {
        let rows = self.rows()?;
        if weights.len() > MAX_CHANNELS || weights.iter().any(|row| row.len() != rows.outputs()) {
            return Err(format!("a 1x1 convolution that does not fit {} channels", rows.outputs()));
        }
        self.with(rows.then(&InputTransform { weights, shift, size: None }))
    }

    /// Channels by number; below zero from the last.
    pub(super) fn select(&self, which: &Which) -> Result<Image, String> {
        let rows = self.rows()?;
        let count = rows.outputs() as isize;
        let indices: Vec<usize> = match which {
            Which::Reversed => (0..rows.outputs()).rev().collect(),
            Which::These(indices) => indices
                .iter()
                .take(MAX_CHANNELS + 1)
                .map(|&i| if i < 0 { i + count } else { i })
                .map(|i| usize::try_from(i).ok().filter(|i| *i < rows.outputs()))
                .collect::<Option<_>>()
                .ok_or_else(|| format!("it takes channels that {count} channels do not have"))?,
        };
        self.with(selected(&rows, &indices))
    }

    /// All channels behind each other, or each beside itself.
    pub(super) fn repeated(&self, times: usize, each: bool) -> Result<Image, String> {
        let rows = self.rows()?;
        let count = rows.outputs();
        let from = |i: usize| if each { i / times } else { i % count };
        match count.checked_mul(times) {
            Some(all @ 1..=MAX_CHANNELS) => self.with(selected(&rows, &(0..all).map(from).collect::<Vec<_>>())),
            _ => Err(format!("it repeats {count} channels {times} times: up to {MAX_CHANNELS} are possible")),
        }
    }

    pub(super) fn concatenated(images: &[&Image]) -> Result<Image, String> {
        let first = images.first().ok_or("it reads nothing")?;
        let mut all = first.rows()?;
        for image in &images[1..] {
            let rows = image.rows()?;
            if rows.inputs() != all.inputs() || image.size != first.size || image.steps.len() != first.steps.len() {
                return Err("it concatenates images of different sizes".into());
            }
            all.weights.extend(rows.weights);
            all.shift.extend(rows.shift);
            if all.outputs() > MAX_CHANNELS {
                return Err(format!("it makes more than {MAX_CHANNELS} channels"));
            }
        }
        first.with(all)
    }

    /// Zeros around it.
    pub(super) fn padded(&self, sides: [usize; 4]) -> Result<Image, String> {
        if self.zeros.is_some() {
            return Err("zeros are padded twice".into());
        }
        Ok(Image { zeros: Some(sides), ..self.clone() })
    }

    pub(super) fn resized(&self, resizing: &Resizing) -> Result<Image, String> {
        let size = [resizing.size.height, resizing.size.width];
        if self.size == Some(size) {
            return Ok(self.clone());
        }
        self.step(size, Step::Resize(resizing.clone()))
    }

    pub(super) fn cropped(&self, middle: InputSize) -> Result<Image, String> {
        let InputSize { height, width } = middle;
        match self.size {
            Some(size) if size == [height, width] => Ok(self.clone()),
            Some([rows, columns]) if rows < height || columns < width => {
                Err(format!("it takes {height}x{width} pixels of {rows}x{columns}"))
            }
            _ => self.step([height, width], Step::Crop(middle)),
        }
    }

    fn step(&self, size: [usize; 2], step: Step) -> Result<Image, String> {
        if self.zeros.is_some() {
            return Err("zeros are padded before it".into());
        }
        if self.steps.len() >= 2 || size.contains(&0) {
            return Err("a model may resize its pictures once, and take their middle once".into());
        }
        let steps = self.steps.iter().cloned().chain([step]).collect();
        Ok(Image { size: Some(size), steps: Rc::new(steps), ..self.clone() })
    }
}

fn selected(rows: &InputTransform, indices: &[usize]) -> InputTransform {
    InputTransform {
        weights: indices.iter().map(|&i| rows.weights[i].clone()).collect(),
        shift: indices.iter().map(|&i| rows.shift[i]).collect(),
        ..rows.clone()
    }
}

/// The padding of a window: its own, or the zeros around what it reads.
pub(super) fn explicit(zeros: Option<[usize; 4]>, own: [usize; 4]) -> Result<Padding, String> {
    match (zeros, own) {
        (None, sides) | (Some(sides), [0, 0, 0, 0]) => {
            let [top, left, bottom, right] = sides;
            Ok(Padding::Explicit { top, left, bottom, right })
        }
        _ => Err("zeros are padded twice, by a layer before it and by its own padding".into()),
    }
}
