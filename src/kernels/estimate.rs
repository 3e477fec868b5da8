//! How long a kernel might take: so that the first guess on an adapter that nobody measured is a good one.
//!
//! The model is a GPU of cores, each with lanes that multiply and add, a cache or memory behind it, and memory of its own. A dispatch
//! runs in waves of as many workgroups as fit; a wave takes as long as its slowest part: arithmetic, far or near loads, or the
//! latency of one invocation's chain of loads and barriers. Only the order of the results matters.

use super::facts::{AdapterFacts, AdapterKind};
use super::variant::Variant;

/// What the invocations of a dispatch do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Workgroups of all images along x, y and z.
    pub(super) grid: [u32; 3],
    /// Multiply-adds of an invocation, those that count for nothing included.
    pub(super) macs: f64,
    /// Quads that an invocation loads from memory or a cache; of what a subgroup loads together, its share.
    pub(super) far: f64,
    /// Quads that it loads from workgroup memory, likewise.
    pub(super) near: f64,
    /// How often it waits for memory.
    pub(super) trips: f64,
    /// How often it waits for its workgroup.
    pub(super) barriers: f64,
    /// Numbers that it keeps in registers.
    pub(super) registers: u32,
}

/// A part of what a quad costs that all lanes of a subgroup load together.
pub(super) const TOGETHER: f64 = 0.125;

/// A GPU in numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Multiprocessors, compute units, or cores.
    pub cores: u32,
    /// Multiply-adds of a core in a cycle.
    pub lanes: u32,
    /// Invocations that a core keeps at most.
    pub invocations: u32,
    /// Registers of a core.
    pub registers: u32,
    /// Bytes of workgroup memory of a core.
    pub memory: u32,
    /// Cycles until memory answers.
    pub latency: u32,
}

/// NVIDIA's: per multiprocessor.
const NVIDIA: Machine =
    Machine { cores: 64, lanes: 128, invocations: 2048, registers: 65536, memory: 96 << 10, latency: 500 };
/// AMD's RDNA: per compute unit.
const AMD: Machine =
    Machine { cores: 48, lanes: 64, invocations: 1024, registers: 65536, memory: 64 << 10, latency: 450 };
/// Intel's Xe: per core of 16 vector engines.
const INTEL: Machine =
    Machine { cores: 12, lanes: 128, invocations: 1024, registers: 65536, memory: 64 << 10, latency: 450 };
/// Apple's: per core.
const APPLE: Machine =
    Machine { cores: 10, lanes: 128, invocations: 1024, registers: 53248, memory: 60 << 10, latency: 350 };
/// Qualcomm's and Arm's: few cores with few registers.
const MOBILE: Machine =
    Machine { cores: 6, lanes: 128, invocations: 1024, registers: 32768, memory: 32 << 10, latency: 500 };

/// Parts of adapters' names, and how many cores they have. The first that fits counts. Sources: the makers' data sheets.
const KNOWN: [(&str, Machine, u32); 24] = [
    ("h100", NVIDIA, 132),
    ("h200", NVIDIA, 132),
    ("a100", NVIDIA, 108),
    ("rtx 4090", NVIDIA, 128),
    ("rtx 4060", NVIDIA, 24),
    ("rtx 3060", NVIDIA, 28),
    ("gtx 1650", NVIDIA, 14),
    ("nvidia", NVIDIA, 40),
    ("7900 xtx", AMD, 96),
    ("6600", AMD, 28),
    ("780m", AMD, 12),
    ("radeon", AMD, 32),
    ("arc(tm) a770", INTEL, 32),
    ("iris", INTEL, 6),
    ("uhd", INTEL, 2),
    ("intel", INTEL, 6),
    ("apple m1", APPLE, 8),
    ("apple m2 max", APPLE, 38),
    ("apple m3", APPLE, 10),
    ("apple", APPLE, 10),
    ("adreno", MOBILE, 6),
    ("mali", MOBILE, 10),
    ("immortalis", MOBILE, 11),
    ("powervr", MOBILE, 4),
];

impl Machine {
    /// The best guess from what an adapter says of itself.
    pub fn guess(facts: &AdapterFacts) -> Machine {
        let name = facts.name.to_lowercase();
        if let Some((_, machine, cores)) = KNOWN.iter().find(|(part, ..)| name.contains(part)) {
            return Machine { cores: *cores, ..*machine };
        }
        match facts.kind {
            AdapterKind::Discrete => NVIDIA,
            // Browsers do not say what they run on.
            AdapterKind::Integrated | AdapterKind::Virtual | AdapterKind::Other => INTEL,
            AdapterKind::Software => Machine { cores: 2, ..MOBILE },
        }
    }

    /// Cycles that a dispatch might take.
    pub(super) fn cycles(&self, variant: Variant, work: &Work) -> f64 {
        let size = f64::from(variant.workgroup_size);
        let cores = f64::from(self.cores);
        let workgroups = work.grid.iter().map(|count| f64::from(*count)).product::<f64>();
        // Addresses, factors and loop counters need registers besides.
        let by_registers = f64::from(self.registers / (work.registers + 32)).min(f64::from(self.invocations)) / size;
        let by_memory = f64::from(self.memory) / f64::from(variant.memory().max(1));
        let resident = by_registers.min(by_memory).floor().max(1.0).min((workgroups / cores).ceil());
        let waves = (workgroups / (cores * resident)).ceil();
        // A register file that does not hold one workgroup spills.
        let spilled = if by_registers < 1.0 { 2.0 } else { 1.0 };
        let invocations = resident * size;
        let lanes = f64::from(self.lanes);
        let arithmetic = invocations * work.macs * spilled / lanes;
        // A core loads a quad for every eighth of its lanes from its own memory, half of that from a cache.
        let near = invocations * work.near / (lanes / 16.0);
        let far = invocations * work.far / (lanes / 32.0);
        let latency = f64::from(self.latency);
        let alone = work.macs + work.trips * latency + work.barriers * (40.0 + size / 8.0) + work.near * 4.0;
        waves * (arithmetic + near.max(far)).max(alone)
    }
}
