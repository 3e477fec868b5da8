//! Feature maps on their way through the dense blocks: what they are, and what each operation makes of them.

use std::rc::Rc;

use super::blocks::{Found, Module, Narrow, Part, Parts};
use super::function::{Operator, Recognised, Sampled};
use super::image::{Image, explicit};
use super::node::{BatchNorm, Convolution, NodeId, Window, WindowPadding};
use super::norm::{Norm, Norms};
use super::refusal::Refusal;
use crate::architecture::{HeadLayer, Padding, StemPool};

/// Published networks have up to 98 layers in a block.
const MAX_PARTS: usize = 1000;
/// Layers, transitions and what else makes channels.
const MAX_LAYERS: usize = 4000;
const MAX_TRANSITIONS: usize = 64;
/// As Architecture::validate has it.
const MAX_CHANNELS: usize = 1 << 16;

/// Feature maps.
#[derive(Clone, Debug)]
pub(super) struct Maps {
    source: Source,
    /// The batch norm behind that.
    norm: Option<usize>,
    /// A ReLU stands behind the norm.
    relu: bool,
    /// Another function of each element, not yet complete.
    function: Option<(NodeId, Sampled)>,
    /// A batch norm behind the ReLU, which only a mean over all pixels may follow: it commutes with that.
    late: Option<Rc<Late>>,
    /// Zeros around them.
    zeros: Option<[usize; 4]>,
    /// Rows and columns, where they are known.
    pub(super) size: Option<[usize; 2]>,
}

/// What stands between the last ReLU and a mean over all pixels, and is the same behind the mean.
#[derive(Clone, Debug)]
pub(super) enum Late {
    Norm(BatchNorm),
    Affine(Vec<f64>, Vec<f64>),
    /// A 1x1 convolution, by its number.
    Convolution(usize),
}

/// What made the channels.
#[derive(Clone, Debug)]
enum Source {
    Parts(Parts),
    Narrow(Rc<Narrow>),
}

/// The end of the dense blocks: what the last norm reads, that norm, and whether a ReLU follows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End {
    pub(super) parts: Parts,
    pub(super) norm: usize,
    pub(super) relu: bool,
}

/// A convolution of the network.
pub(super) struct Kernel {
    pub(super) node: NodeId,
    pub(super) convolution: Convolution,
    outputs: usize,
}

/// What is known about the network up to its head.
#[derive(Default)]
pub(super) struct Trunk {
    pub(super) found: Found,
    pub(super) norms: Norms,
    pub(super) kernels: Vec<Kernel>,
    /// Channels of each part.
    widths: Vec<usize>,
    /// The image as the stem's convolution reads it.
    pub(super) image: Option<Image>,
    pub(super) stem_stride: Option<usize>,
    pub(super) stem_padding: Option<Padding>,
    pub(super) stem_pool: Option<StemPool>,
    /// All channel lists together, of which hostile graphs have many.
    listed: usize,
}

impl Maps {
    fn of(source: Source, size: Option<[usize; 2]>) -> Self {
        Maps { source, norm: None, relu: false, function: None, late: None, zeros: None, size }
    }

    /// Refuses what must be complete before anything but another function reads it.
    fn settled(&self) -> Result<&Self, Refusal> {
        if self.late.is_some() {
            return Err("a batch norm stands behind the last ReLU: only a mean over all pixels may follow".into());
        }
        let Some((node, function)) = &self.function else { return Ok(self) };
        let what = function.named();
        Err(Refusal(Some(*node), format!("{what} of feature maps, expected relu after a batch norm")))
    }

    fn unpadded(&self) -> Result<&Self, Refusal> {
        match self.zeros {
            Some(_) => Err("zeros are padded before it; only a convolution or the stem's pooling may read them".into()),
            None => self.settled(),
        }
    }

    /// The end of the dense blocks, if this can be it.
    pub(super) fn end(&self) -> Result<End, Refusal> {
        self.unpadded()?;
        match (&self.source, self.norm) {
            (Source::Parts(parts), Some(norm)) => Ok(End { parts: Rc::clone(parts), norm, relu: self.relu }),
            _ => Err("global pooling belongs after the last batch norm and its ReLU".into()),
        }
    }

    /// Whether a function of each element is not yet complete.
    pub(super) fn is_function(&self) -> bool {
        self.function.is_some()
    }

    /// The end of the dense blocks where a mean over all pixels follows, and what stands between.
    pub(super) fn end_of_mean(&self) -> Result<(End, Option<Late>), Refusal> {
        if let Some(late) = &self.late {
            let end = Maps { late: None, ..self.clone() }.end()?;
            return Ok((end, Some((**late).clone())));
        }
        match (&self.source, self.norm) {
            (Source::Narrow(narrow), None) => {
                self.unpadded()?;
                let end = End { parts: Rc::clone(&narrow.input), norm: narrow.norm, relu: true };
                Ok((end, Some(Late::Convolution(narrow.convolution))))
            }
            _ => Ok((self.end()?, None)),
        }
    }

    /// Whether a norm of them would be one behind the last ReLU: the stem's output may be normed again.
    fn is_active(&self) -> bool {
        let stem = matches!(&self.source, Source::Parts(parts) if **parts == [0]);
        let parts = matches!(&self.source, Source::Parts(_));
        self.relu && parts && !stem && self.late.is_none() && self.zeros.is_none() && self.function.is_none()
    }

    pub(super) fn padded(&self, sides: [usize; 4]) -> Result<Maps, Refusal> {
        self.settled()?;
        if self.zeros.is_some() {
            return Err("zeros are padded twice".into());
        }
        Ok(Maps { zeros: Some(sides), ..self.clone() })
    }
}

impl Trunk {
    fn part(&mut self, part: Part, width: usize) -> Result<usize, Refusal> {
        if self.found.parts.len() >= MAX_LAYERS {
            return Err(format!("more than {MAX_LAYERS} layers").into());
        }
        self.found.parts.push(part);
        self.widths.push(width);
        Ok(self.found.parts.len() - 1)
    }

    fn start(&mut self, width: usize, size: Option<[usize; 2]>) -> Result<Maps, Refusal> {
        let part = self.part(Part::Start, width)?;
        Ok(Maps::of(Source::Parts(Rc::from([part])), size))
    }

    /// How many channels they have.
    pub(super) fn width(&self, maps: &Maps) -> usize {
        match &maps.source {
            Source::Parts(parts) => parts.iter().map(|&part| self.widths[part]).sum(),
            Source::Narrow(narrow) => self.kernels[narrow.convolution].outputs,
        }
    }

    /// How many channels the end of the dense blocks has.
    pub(super) fn end_width(&self, end: &End) -> usize {
        end.parts.iter().map(|&part| self.widths[part]).sum()
    }

    /// What a module is called in the file: its node.
    pub(super) fn node_of(&self, module: Module) -> NodeId {
        match module {
            Module::Convolution(at) => self.kernels[at].node,
            Module::Norm(at) => self.norms.get(at).node,
        }
    }

    /// The channels of a feature map that may be concatenated or normalised. After its batch norm and ReLU the stem's
    /// output is one.
    fn channels(&mut self, maps: &Maps) -> Result<Parts, Refusal> {
        maps.unpadded()?;
        let refused = || Err("it reads what is no feature map of a dense block".into());
        let Source::Parts(parts) = &maps.source else { return refused() };
        match (maps.norm, maps.relu) {
            (None, _) => Ok(Rc::clone(parts)),
            (Some(norm), true) if **parts == [0] => match self.found.stem_norm {
                None if self.found.parts.len() == 1 => {
                    let part = self.part(Part::Start, self.widths[0])?;
                    self.found.stem_norm = Some((norm, part));
                    Ok(Rc::from([part]))
                }
                Some((known, part)) if known == norm => Ok(Rc::from([part])),
                _ => Err("a second batch norm of the stem".into()),
            },
            _ => refused(),
        }
    }

    pub(super) fn concatenate(&mut self, all: &[&Maps]) -> Result<Maps, Refusal> {
        let mut parts = Vec::new();
        for maps in all {
            parts.extend_from_slice(&self.channels(maps)?);
            // Each layer of a block is there once. The limit bounds the memory that copies of this list take.
            if parts.len() > self.found.parts.len().min(MAX_PARTS) {
                return Err(format!("it has the same channels twice, or those of more than {MAX_PARTS} layers").into());
            }
        }
        self.listed += parts.len();
        if self.listed > 4 << 20 {
            return Err("its concatenations together have millions of parts, more than any DenseNet".into());
        }
        let size = all.first().and_then(|maps| maps.size);
        let maps = Maps::of(Source::Parts(parts.into()), size);
        if self.width(&maps) > MAX_CHANNELS {
            return Err(format!("it has more than {MAX_CHANNELS} channels").into());
        }
        Ok(maps)
    }

    /// The stem, a bottleneck, a dense layer's or a transition's convolution. `shape` is its weight's.
    pub(super) fn convolution(
        &mut self,
        node: NodeId,
        convolution: &Convolution,
        shape: &[usize],
        input: &Maps,
    ) -> Result<Maps, Refusal> {
        let &[outputs, inputs, rows, columns] = shape else {
            return Err(format!("its kernel has shape {shape:?}, expected [out, in, height, width]").into());
        };
        input.settled()?;
        if inputs != self.width(input) {
            return Err(format!("its kernel reads {inputs} channels of {}", self.width(input)).into());
        }
        let (kernel, stride) = square(&convolution.window, [rows, columns])?;
        let padding = padding(&convolution.window, kernel, input.zeros)?;
        let (Some(norm), true) = (input.norm, input.relu) else {
            return Err("batch norm and ReLU are expected before it".into());
        };
        let is = |side: usize| kernel == side && stride == 1 && padding == Padding::all(side / 2);
        if !is(1) && !is(3) || (is(1) && matches!(input.source, Source::Narrow(_))) {
            return Err(format!(
                "a {kernel}x{kernel} convolution of stride {stride}; a dense block has 1x1 and padded 3x3 convolutions of \
                 stride 1"
            ).into());
        }
        let at = self.kernel(node, convolution, outputs)?;
        let modules = match &input.source {
            Source::Parts(parts) if is(1) => {
                let narrow = Narrow { input: Rc::clone(parts), norm, convolution: at };
                return Ok(Maps::of(Source::Narrow(Rc::new(narrow)), input.size));
            }
            Source::Parts(_) => vec![("norm1", Module::Norm(norm)), ("conv1", Module::Convolution(at))],
            Source::Narrow(narrow) => vec![
                ("norm1", Module::Norm(narrow.norm)),
                ("conv1", Module::Convolution(narrow.convolution)),
                ("norm2", Module::Norm(norm)),
                ("conv2", Module::Convolution(at)),
            ],
        };
        let read = match &input.source {
            Source::Parts(parts) => Rc::clone(parts),
            Source::Narrow(narrow) => Rc::clone(&narrow.input),
        };
        let part = self.part(Part::Layer { input: read, modules }, outputs)?;
        Ok(Maps::of(Source::Parts(Rc::from([part])), input.size))
    }

    fn kernel(&mut self, node: NodeId, convolution: &Convolution, outputs: usize) -> Result<usize, Refusal> {
        if !(1..=MAX_CHANNELS).contains(&outputs) {
            return Err(format!("it makes {outputs} channels: 1 to {MAX_CHANNELS} are possible").into());
        }
        self.kernels.push(Kernel { node, convolution: convolution.clone(), outputs });
        Ok(self.kernels.len() - 1)
    }

    /// The stem's convolution.
    pub(super) fn stem(
        &mut self,
        node: NodeId,
        convolution: &Convolution,
        shape: &[usize],
        image: &Image,
    ) -> Result<Maps, Refusal> {
        let &[outputs, inputs, rows, columns] = shape else {
            return Err(format!("its kernel has shape {shape:?}, expected [out, in, height, width]").into());
        };
        if self.found.stem.is_some() {
            return Err("a second convolution of the image".into());
        }
        if image.channels().is_some_and(|channels| channels != inputs) {
            return Err(
                format!("its kernel reads {inputs} channels of {}", image.channels().unwrap_or_default()).into()
            );
        }
        let (kernel, stride) = square(&convolution.window, [rows, columns])?;
        let padding = padding(&convolution.window, kernel, image.zeros)?;
        self.found.stem = Some(self.kernel(node, convolution, outputs)?);
        self.stem_stride = Some(stride);
        self.stem_padding = Some(padding);
        self.image = Some(image.clone());
        self.start(outputs, moved(image.size, padding, kernel, stride)?)
    }

    pub(super) fn norm(&mut self, node: NodeId, norm: &BatchNorm, input: &Maps) -> Result<Maps, Refusal> {
        if input.is_active() {
            return Ok(Maps { late: Some(Rc::new(Late::Norm(norm.clone()))), ..input.clone() });
        }
        let channels = self.width(input);
        let norm = Norm::given(node, channels, norm);
        self.normed(input, norm)
    }

    fn normed(&mut self, input: &Maps, norm: Norm) -> Result<Maps, Refusal> {
        input.unpadded()?;
        let source = match &input.source {
            Source::Narrow(_) if input.norm.is_none() => input.source.clone(),
            _ => Source::Parts(self.channels(input)?),
        };
        let at = self.norms.add(norm)?;
        Ok(Maps { norm: Some(at), ..Maps::of(source, input.size) })
    }

    /// Each channel times its scale plus its shift: a batch norm that an exporter computed, or what follows one.
    pub(super) fn affine(
        &mut self,
        node: NodeId,
        input: &Maps,
        scale: Vec<f64>,
        shift: Vec<f64>,
    ) -> Result<Maps, Refusal> {
        let late = match input.late.as_deref() {
            Some(Late::Affine(before, offset)) => {
                let both = |i: usize| (before[i] * scale[i], offset[i] * scale[i] + shift[i]);
                Some((0..scale.len()).map(both).unzip())
            }
            _ => input.is_active().then(|| (scale.clone(), shift.clone())),
        };
        if let Some((scale, shift)) = late {
            self.norms.spend(scale.len() + shift.len())?;
            return Ok(Maps { late: Some(Rc::new(Late::Affine(scale, shift))), ..input.clone() });
        }
        input.unpadded()?;
        match input.norm {
            Some(norm) if !input.relu => {
                let at = self.norms.then(norm, &scale, &shift)?;
                Ok(Maps { norm: Some(at), ..input.clone() })
            }
            _ => self.normed(input, Norm::affine(node, scale, shift)),
        }
    }

    /// A function of each element, which must come to ReLU.
    pub(super) fn function(
        &mut self,
        node: NodeId,
        input: &Maps,
        apply: impl Fn(&Sampled) -> Sampled,
    ) -> Result<Maps, Refusal> {
        let before = input.function.as_ref().map_or_else(Sampled::identity, |(_, sampled)| sampled.clone());
        self.complete(node, &Maps { function: None, ..input.clone() }, apply(&before))
    }

    /// An operation on two functions of the same feature maps.
    pub(super) fn combine(&mut self, node: NodeId, operator: Operator, a: &Maps, b: &Maps) -> Result<Maps, Refusal> {
        let same = match (&a.source, &b.source) {
            (Source::Parts(a), Source::Parts(b)) => Rc::ptr_eq(a, b),
            (Source::Narrow(a), Source::Narrow(b)) => Rc::ptr_eq(a, b),
            _ => false,
        };
        if !same || (a.norm, a.relu) != (b.norm, b.relu) {
            return Err("it adds or multiplies feature maps; a DenseNet concatenates".into());
        }
        let sampled =
            |maps: &Maps| maps.function.as_ref().map_or_else(Sampled::identity, |(_, sampled)| sampled.clone());
        let function = sampled(a).with(operator, &sampled(b));
        self.complete(node, &Maps { function: None, ..a.clone() }, function)
    }

    fn complete(&mut self, node: NodeId, input: &Maps, function: Sampled) -> Result<Maps, Refusal> {
        input.unpadded()?;
        match function.recognise(false) {
            Recognised::Identity => Ok(input.clone()),
            Recognised::Layer(HeadLayer::Relu) if input.relu => Ok(input.clone()),
            Recognised::Layer(HeadLayer::Relu) => {
                let normed = match input.norm {
                    Some(_) => input.clone(),
                    // Folded into the convolution before it, or dropped because it changed nothing.
                    None => {
                        let channels = self.width(input);
                        self.normed(input, Norm::affine(node, vec![1.0; channels], vec![0.0; channels]))?
                    }
                };
                Ok(Maps { relu: true, ..normed })
            }
            _ => Ok(Maps { function: Some((node, function)), ..input.clone() }),
        }
    }

    pub(super) fn max_pool(&mut self, window: &Window, input: &Maps) -> Result<Maps, Refusal> {
        // Explicit zeros can win a maximum, unless no value is below zero.
        if input.zeros.is_some() && !input.relu {
            return Err("zeros are padded before a maximum of values that may be negative".into());
        }
        let parts = self.channels(&Maps { zeros: None, ..input.clone() })?;
        let latest = parts.len() == 1 && parts[0] + 1 == self.found.parts.len();
        if self.stem_pool.is_some() || !latest || !matches!(self.found.parts[parts[0]], Part::Start) {
            return Err("maximum pooling outside the stem".into());
        }
        let (kernel, stride) = square(window, window.kernel)?;
        let padding = padding(window, kernel, input.zeros)?;
        let size = moved(input.size, padding, kernel, stride)?;
        if window.ceil && !exact(input.size, padding, kernel, stride) {
            return Err(
                "windows that reach over the edge of the image (ceil_mode): the size of the image must be stated"
                    .into(),
            );
        }
        self.stem_pool = Some(StemPool { kernel, stride, padding });
        self.start(self.widths[parts[0]], size)
    }

    /// A transition's.
    pub(super) fn average_pool(&mut self, window: &Window, input: &Maps) -> Result<Maps, Refusal> {
        input.unpadded()?;
        let (Source::Narrow(narrow), None) = (&input.source, input.norm) else {
            return Err(
                "average pooling belongs after a transition's 1x1 convolution; at the end of the network it must be \
                 global, for any size of picture"
                    .into(),
            );
        };
        let (kernel, stride) = square(window, window.kernel)?;
        let same = window.padding != WindowPadding::Explicit([0; 4]);
        if (kernel, stride, same) != (2, 2, false) {
            return Err(format!(
                "it pools {kernel}x{kernel} with stride {stride}{}; a transition pools 2x2 with stride 2 and padding 'valid'",
                if same { " and padding" } else { "" }
            ).into());
        }
        if window.ceil && !exact(input.size, Padding::all(0), 2, 2) {
            return Err(
                "windows that reach over the edge of the image (ceil_mode): a transition drops an odd row".into()
            );
        }
        if self.found.transitions.len() >= MAX_TRANSITIONS {
            return Err(format!("more than {MAX_TRANSITIONS} transitions").into());
        }
        let start = self.start(self.width(input), moved(input.size, Padding::all(0), 2, 2)?)?;
        self.found.transitions.push((Rc::clone(narrow), self.found.parts.len() - 1));
        Ok(start)
    }
}

/// Kernel and stride of a square window without gaps.
fn square(window: &Window, kernel: [usize; 2]) -> Result<(usize, usize), String> {
    if window.dilation != [1, 1] {
        return Err(format!("its dilation is {}x{}, not 1", window.dilation[0], window.dilation[1]));
    }
    match (kernel, window.stride) {
        ([rows, columns], [down, across]) if rows == columns && down == across && rows > 0 && down > 0 => {
            Ok((rows, down))
        }
        _ => Err("a square window and stride are expected".into()),
    }
}

/// The padding of a window, where zeros may stand around what it reads.
fn padding(window: &Window, kernel: usize, zeros: Option<[usize; 4]>) -> Result<Padding, String> {
    match (window.padding, zeros) {
        (WindowPadding::Explicit(own), zeros) => explicit(zeros, own),
        (_, Some(_)) => Err("zeros are padded twice, by a layer before it and by padding 'same'".into()),
        // Equal on both sides, whatever the size of the picture.
        _ if window.stride == [1, 1] && kernel % 2 == 1 => Ok(Padding::all(kernel / 2)),
        (WindowPadding::Same, None) => Ok(Padding::Same),
        (WindowPadding::SameLower, None) => Err("padding that is larger above than below (SAME_LOWER)".into()),
    }
}

/// Rows and columns behind a window.
fn moved(
    size: Option<[usize; 2]>,
    padding: Padding,
    kernel: usize,
    stride: usize,
) -> Result<Option<[usize; 2]>, String> {
    let Some([height, width]) = size else { return Ok(None) };
    let pads = padding.resolve(kernel, stride, height, width);
    let side = |side: usize, [before, after]: [usize; 2]| {
        let padded = side.checked_add(before)?.checked_add(after)?;
        Some(padded.checked_sub(kernel)? / stride + 1)
    };
    match (side(height, pads[0]), side(width, pads[1])) {
        (Some(height), Some(width)) => Ok(Some([height, width])),
        _ => Err(format!("its window of {kernel}x{kernel} does not fit {height}x{width} pixels")),
    }
}

/// Whether the windows end where the padded image does.
fn exact(size: Option<[usize; 2]>, padding: Padding, kernel: usize, stride: usize) -> bool {
    size.is_some_and(|[height, width]| {
        let [rows, columns] = padding.resolve(kernel, stride, height, width);
        [(height, rows), (width, columns)].iter().all(|(side, [before, after])| {
            (side + before + after).checked_sub(kernel).is_some_and(|rest| rest % stride == 0)
        })
    })
}
