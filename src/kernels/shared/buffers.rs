//! Storage buffers on an adapter: how their kernels run, and how tensors lie in them.

use crate::kernels::facts::{AdapterFacts, AdapterKind};
use crate::kernels::kernel::Kernel;
use crate::kernels::program::{Grid, Images, Resource, TapPlace};
use crate::kernels::variant::Variant;
use crate::plan::PlanTensor;
use crate::precision::Precision;

/// Invocations of a workgroup on a GPU, for kernels that do not fix them: more would hide no more latency, and this is a
/// multiple of most subgroups.
const GPU_WORKGROUP_SIZE: u32 = 64;

/// Invocations of a workgroup on a CPU: one vector of its floating-point unit.
const SOFTWARE_WORKGROUP_SIZE: u32 = 8;

/// How kernels on buffers run on an adapter.
pub(in crate::kernels) struct Buffers {
    /// Whether the invocations of a workgroup share memory and split sums; otherwise each keeps to its registers.
    pub(in crate::kernels) cooperate: bool,
    /// Lanes of a subgroup, if all subgroups have the same number.
    lanes: Option<u32>,
    /// How weights are stored.
    precision: Precision,
}

impl Buffers {
    pub(in crate::kernels) fn of(facts: &AdapterFacts, precision: Precision) -> Buffers {
        // A CPU has no memory nearer than its cache, and pays for every barrier.
        Buffers { cooperate: facts.kind != AdapterKind::Software, lanes: facts.subgroup_lanes(), precision }
    }

    /// For invocations that keep to their registers, as on a CPU, and weights in f32.
    pub(in crate::kernels) fn plain() -> Buffers {
        Buffers { cooperate: false, lanes: None, precision: Precision::F32 }
    }

    /// The variant of a kernel that suits the adapter.
    pub(in crate::kernels) fn variant(&self, kernel: &'static Kernel) -> Variant {
        Variant::plain(kernel, self.workgroup_size()).with_precision(self.precision).with_subgroups(self.lanes)
    }

    /// A grid of `invocations` along x, `y` workgroups along y, images along z. For kernels with a free workgroup size.
    pub(in crate::kernels) fn grid(&self, invocations: u32, y: u32) -> Grid {
        groups(invocations.div_ceil(self.workgroup_size()), y)
    }

    fn workgroup_size(&self) -> u32 {
        if self.cooperate { GPU_WORKGROUP_SIZE } else { SOFTWARE_WORKGROUP_SIZE }
    }
}

/// A grid of workgroups, images along z.
pub(in crate::kernels) fn groups(x: u32, y: u32) -> Grid {
    Grid { x, y, images: Images::AlongZ }
}

/// A buffer as large as the largest of the tensors that take turns in it.
pub(in crate::kernels) fn resource(label: String, tensors: &[&PlanTensor], images: usize) -> Resource {
    let elements = tensors.iter().map(|tensor| tensor.elements()).max().unwrap_or(0);
    Resource::Buffer { label, bytes: (elements as u64).saturating_mul(images as u64 * 4) }
}

/// `[N, C/4, H, W]` of four channels.
pub(in crate::kernels) fn place(tensor: &PlanTensor) -> TapPlace {
    TapPlace::Buffer { tensor_quads: tensor.padded_channels() / 4 }
}
