//! Storage buffers on an adapter: how their kernels run, and how tensors lie in them.

use crate::kernels::choice::Kernels;
use crate::kernels::estimate::{Machine, Work};
use crate::kernels::experience::Experience;
use crate::kernels::facts::{AdapterFacts, AdapterKind, DeviceLimits};
use crate::kernels::kernel::Kernel;
use crate::kernels::layer::Layer;
use crate::kernels::program::{Grid, Images, Resource, TapPlace};
use crate::kernels::variant::Variant;
use crate::plan::PlanTensor;
use crate::precision::Precision;

/// Invocations of a workgroup on a GPU, for kernels that do not fix them, the usual number first: more hide no more latency, and it is
/// a multiple of most subgroups.
const GPU_WORKGROUP_SIZES: &[u32] = &[64, 32, 128, 256];

/// Invocations of a workgroup on a CPU: one vector of its floating-point unit.
const SOFTWARE_WORKGROUP_SIZES: &[u32] = &[8];

/// How kernels on buffers run on an adapter.
pub(in crate::kernels) struct Buffers {
    /// The machine whose times are guessed; none for a CPU, where every invocation keeps to its registers unless it was found to be
    /// faster otherwise: it has no memory nearer than its cache, and pays for every barrier.
    machine: Option<Machine>,
    /// The variant that runs wherever it can.
    preferred: Option<Variant>,
    /// Lanes of a subgroup, if all subgroups have the same number.
    lanes: Option<u32>,
    /// How weights are stored.
    precision: Precision,
    limits: DeviceLimits,
    experience: Experience,
}

impl Buffers {
    pub(in crate::kernels) fn of(facts: &AdapterFacts, kernels: Kernels, experience: &Experience) -> Buffers {
        Buffers {
            machine: (facts.kind != AdapterKind::Software).then(|| Machine::guess(facts)),
            preferred: kernels.preferred(),
            lanes: facts.subgroup_lanes(),
            precision: kernels.precision(),
            limits: facts.limits,
            experience: experience.clone(),
        }
    }

    /// For invocations that keep to their registers, as on a CPU, and weights in f32.
    pub(in crate::kernels) fn plain(preferred: Option<Variant>, experience: &Experience) -> Buffers {
        Buffers {
            machine: None,
            preferred,
            lanes: None,
            precision: Precision::F32,
            limits: DeviceLimits::default(),
            experience: experience.clone(),
        }
    }

    /// How weights are stored.
    pub(in crate::kernels) fn precision(&self) -> Precision {
        self.precision
    }

    /// The variant of a kernel that is not chosen by the layer.
    pub(in crate::kernels) fn variant(&self, kernel: &'static Kernel) -> Variant {
        let candidates = || self.candidates(kernel);
        candidates()
            .find(|variant| Some(variant.alike()) == self.preferred)
            .or_else(|| candidates().next())
            .unwrap_or(self.usual(kernel))
    }

    /// The variant for a layer, of the kernels that can compute it, the safest first: the one that is preferred or was found to be the
    /// fastest; else the one that is expected to be. With it the others, in the order in which they are expected to be fast.
    pub(in crate::kernels) fn choose(
        &self,
        layer: &Layer,
        kernels: &[&'static Kernel],
        work: impl Fn(Variant) -> Work,
    ) -> (Variant, Vec<Variant>) {
        let candidates = || kernels.iter().flat_map(|&kernel| self.candidates(kernel));
        let most = self.limits.max_compute_workgroups_per_dimension;
        let fits = |work: &Work| work.grid.iter().all(|&count| count <= most);
        let mut ranked: Vec<(Variant, Work)> = candidates().map(|variant| (variant, work(variant))).collect();
        ranked.retain(|(_, work)| fits(work));
        match self.machine {
            // Whatever else a question about a variant needs is the plainest that there is.
            Some(machine) if self.preferred.is_none() => {
                ranked.sort_by_cached_key(|(variant, work)| machine.cycles(*variant, work) as u64);
            }
            _ => {}
        }
        let mut ranked: Vec<Variant> = ranked.into_iter().map(|(variant, _)| variant).collect();
        let chosen = [self.preferred, self.experience.choice(layer)].into_iter().flatten();
        let chosen = chosen.filter_map(|wanted| ranked.iter().position(|variant| variant.alike() == wanted)).next();
        match chosen.or((!ranked.is_empty()).then_some(0)) {
            Some(index) => (ranked.remove(index), ranked),
            None => (self.usual(kernels[0]), ranked),
        }
    }

    /// The variants of a kernel that may run here.
    fn candidates(&self, kernel: &'static Kernel) -> impl Iterator<Item = Variant> {
        let sizes = if self.machine.is_some() { GPU_WORKGROUP_SIZES } else { SOFTWARE_WORKGROUP_SIZES };
        let tilings = kernel.tilings().iter().flat_map(move |&tiling| {
            let sizes = if kernel.workgroup_size(tiling).is_some() { &sizes[..1] } else { sizes };
            sizes.iter().map(move |&size| Variant::tiled(kernel, tiling, size).with_precision(self.precision))
        });
        // Sums through registers first.
        let exchanging = move |plain: Variant| {
            let exchanging = plain.with_subgroups(self.lanes);
            [Some(exchanging).filter(|variant| *variant != plain), Some(plain)].into_iter().flatten()
        };
        tilings.flat_map(exchanging).filter(|variant| self.fits(*variant) && self.experience.admits(*variant))
    }

    fn fits(&self, variant: Variant) -> bool {
        variant.workgroup_size <= self.limits.max_compute_invocations_per_workgroup
            && variant.memory() <= self.limits.max_compute_workgroup_storage_size
    }

    /// The plainest variant of a kernel: if not even that may run, whoever runs the program will say so.
    fn usual(&self, kernel: &'static Kernel) -> Variant {
        let sizes = if self.machine.is_some() { GPU_WORKGROUP_SIZES } else { SOFTWARE_WORKGROUP_SIZES };
        Variant::plain(kernel, sizes[0]).with_precision(self.precision)
    }
}

/// A grid of workgroups, images along z.
pub(in crate::kernels) fn groups(x: u32, y: u32) -> Grid {
    Grid { x, y, images: Images::AlongZ }
}

/// A grid of a variant's `invocations` along x, `y` workgroups along y, images along z.
pub(in crate::kernels) fn invocations(variant: Variant, invocations: u32, y: u32) -> Grid {
    groups(invocations.div_ceil(variant.workgroup_size), y)
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
