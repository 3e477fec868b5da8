//! What a kernel is.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::constant::Constant;
use super::family::KernelFamily;
use super::params::Field;
use super::text::Text;
use super::tiling::Tiling;

/// A kernel: everything about it that does not depend on a network. Each is a `static` in a file of its own; kernels are
/// equal when their names are.
#[derive(Clone, Copy)]
pub struct Kernel {
    /// The family whose memory it reads and writes.
    pub(super) family: KernelFamily,
    /// Its file.
    pub(super) text: Text,
    /// What that file may import.
    pub(super) imports: &'static [Text],
    /// What it binds: parameters, source, destination, then packed weights.
    pub(super) bindings: &'static [Binding],
    /// The fields of its parameters.
    pub(super) params: &'static [Field],
    /// Its numbers.
    pub(super) constants: &'static [Constant],
    /// Invocations of a workgroup where neither its tilings nor the adapter decide.
    pub(super) workgroup_size: Option<u32>,
    /// How it can share its work out, the best known first; empty if there is one way only.
    pub(super) tilings: &'static [Tiling],
    /// Bytes of workgroup memory where registers are exchanged in subgroups of so many lanes, 0 lanes where they are not.
    pub(super) memory: fn(Tiling, u32) -> u32,
    /// Which lanes exchange registers: weights, or partial sums.
    pub(super) exchange: Exchange,
    /// Whether a variant with a pre-activation exists.
    pub(super) norm: bool,
    /// Whether a variant for images of at most three channels exists.
    pub(super) three: bool,
    /// Whether a variant with weights stored as f16 exists.
    pub(super) f16: bool,
}

/// What a binding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The parameters.
    Uniform,
    /// A storage buffer that is read.
    ReadBuffer,
    /// A storage buffer that is written.
    WriteBuffer,
    /// An rgba32float storage texture that is read.
    ReadTexture,
    /// An rgba32float storage texture that is written.
    WriteTexture,
}

/// The subgroups in which a kernel has variants that exchange registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// None.
    Never,
    /// Of so many lanes.
    Of(u32),
    /// Of more lanes than the workgroup has tiles, and so many that they fill it.
    Slices,
}

/// How many lanes a subgroup must have for its lanes to exchange registers: a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
}

impl Lanes {
    /// Whether subgroups of so many lanes will do.
    pub fn admit(self, lanes: u32) -> bool {
        (self.min..=self.max).contains(&lanes)
    }

    /// Every number of lanes that will do.
    pub fn all(self) -> impl Iterator<Item = u32> {
        (0..32).map(|n| 1 << n).filter(move |&lanes| self.admit(lanes))
    }
}

impl Kernel {
    /// A kernel with a free workgroup size, no numbers and a single variant.
    pub(super) const fn new(
        family: KernelFamily,
        text: Text,
        imports: &'static [Text],
        bindings: &'static [Binding],
        params: &'static [Field],
    ) -> Kernel {
        Kernel {
            family,
            text,
            imports,
            bindings,
            params,
            constants: &[],
            workgroup_size: None,
            tilings: &[],
            memory: |_, _| 0,
            exchange: Exchange::Never,
            norm: false,
            three: false,
            f16: false,
        }
    }

    /// Its file below `shaders/`, without the ending: `buffer/pointwise`.
    pub fn name(&self) -> &'static str {
        self.text.path.trim_end_matches(".wgsl")
    }

    /// The family whose memory it reads and writes.
    pub fn family(&self) -> KernelFamily {
        self.family
    }

    /// Its file, as it is written.
    pub fn text(&self) -> Text {
        self.text
    }

    /// The files that its file may import.
    pub fn imports(&self) -> &'static [Text] {
        self.imports
    }

    /// What it binds: parameters, source, destination, then packed weights.
    pub fn bindings(&self) -> &'static [Binding] {
        self.bindings
    }

    /// The fields of its parameters, in order.
    pub fn params(&self) -> &'static [Field] {
        self.params
    }

    /// Its numbers, the same in each variant.
    pub fn constants(&self) -> &'static [Constant] {
        self.constants
    }

    /// How it can share its work out, the best known first: at least one way.
    pub fn tilings(&self) -> &'static [Tiling] {
        if self.tilings.is_empty() { &[Tiling::NONE] } else { self.tilings }
    }

    /// Invocations of a workgroup, if they do not depend on the adapter.
    pub fn workgroup_size(&self, tiling: Tiling) -> Option<u32> {
        self.workgroup_size.or(tiling.invocations())
    }

    /// Subgroups whose lanes may exchange registers, if such a variant exists.
    pub fn exchange(&self, tiling: Tiling) -> Option<Lanes> {
        match self.exchange {
            Exchange::Never => None,
            Exchange::Of(lanes) => Some(Lanes { min: lanes, max: lanes }),
            Exchange::Slices => Some(Lanes { min: (2 * tiling.tiles()).max(4), max: tiling.invocations()? }),
        }
    }

    /// Whether a variant with a pre-activation exists.
    pub fn has_norm(&self) -> bool {
        self.norm
    }

    /// Whether a variant for images of at most three channels exists.
    pub fn has_three(&self) -> bool {
        self.three
    }

    /// Whether a variant with weights stored as f16 exists.
    pub fn has_f16(&self) -> bool {
        self.f16
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Kernel {}

impl PartialOrd for Kernel {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kernel {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl Hash for Kernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}
