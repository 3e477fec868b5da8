//! Which kernels ten real cards would get that nobody here has tried: from what they say of themselves, as a table.
//!
//! `tests/cards/choices.txt` is that table. A change of the kernels or of the estimate shows in it; `DENSENET_BLESS=1` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use densenet_wgpu::low_level::kernels::{Kernels, Machine, Program};
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::{AdapterFacts, AdapterKind, Architecture, DeviceLimits, InputSize, KernelFamily, Precision};

/// Name, kind, backend, and the smallest and largest subgroup. Sources: reports of Vulkan's properties
/// (vulkan.gpuinfo.org: `subgroupSize`, `minSubgroupSize`, `maxSubgroupSize`), Apple's Metal feature set tables.
const CARDS: [(&str, AdapterKind, &str, [u32; 2]); 10] = [
    ("NVIDIA H100 80GB HBM3", AdapterKind::Discrete, "vulkan", [32, 32]),
    ("NVIDIA GeForce RTX 4090", AdapterKind::Discrete, "vulkan", [32, 32]),
    ("NVIDIA GeForce GTX 1650", AdapterKind::Discrete, "vulkan", [32, 32]),
    ("AMD Radeon RX 7900 XTX (RADV NAVI31)", AdapterKind::Discrete, "vulkan", [32, 64]),
    ("AMD Radeon 780M", AdapterKind::Integrated, "vulkan", [32, 64]),
    ("Intel(R) Arc(TM) A770 Graphics", AdapterKind::Discrete, "vulkan", [8, 32]),
    ("Intel(R) Iris(R) Xe Graphics", AdapterKind::Integrated, "vulkan", [8, 32]),
    ("Apple M2 Max", AdapterKind::Integrated, "metal", [4, 64]),
    ("Adreno (TM) 740", AdapterKind::Integrated, "vulkan", [64, 128]),
    ("Mali-G715", AdapterKind::Integrated, "vulkan", [16, 16]),
];

fn facts((name, kind, backend, [subgroup_min, subgroup_max]): (&str, AdapterKind, &str, [u32; 2])) -> AdapterFacts {
    AdapterFacts {
        name: name.into(),
        kind,
        backend: backend.into(),
        driver: String::new(),
        // What a device is opened with is the same everywhere, but for the size of its buffers.
        limits: DeviceLimits {
            max_buffer_size: 2 << 30,
            max_storage_buffer_binding_size: 1 << 30,
            ..DeviceLimits::default()
        },
        subgroups: true,
        subgroup_min,
        subgroup_max,
        shader_f16: true,
        timestamps: true,
    }
}

fn program(facts: &AdapterFacts, batch: usize) -> Program {
    let plan = Plan::new(&Architecture::preset("densenet121").unwrap(), InputSize::square(224), batch).unwrap();
    let kernels = Kernels::new(KernelFamily::Buffer, Precision::F32).unwrap();
    Program::lower(&plan, kernels, facts).unwrap()
}

fn table() -> String {
    let mut text = String::from(
        "DenseNet-121 at 224x224: which variants the convolutions get, how many layers of each size, and the range of workgroups.\n",
    );
    for card in CARDS {
        let facts = facts(card);
        writeln!(text, "\n{}: {} cores", facts.name, Machine::guess(&facts).cores).unwrap();
        for batch in [1, 32] {
            let program = program(&facts, batch);
            writeln!(text, "  batch {batch}: {} pipelines", program.variants.len()).unwrap();
            let mut layers: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
            for dispatch in &program.dispatches {
                let Some(layer) = &dispatch.layer else { continue };
                let [x, y, z] = dispatch.grid.workgroups(batch as u32).map(u64::from);
                let variant = program.variants[dispatch.variant].to_string();
                let size = format!("{} at {:>2}", layer.what, layer.size[0]);
                layers.entry((size, variant)).or_default().push(x * y * z);
            }
            for ((size, variant), workgroups) in layers {
                let (least, most) = (workgroups.iter().min().unwrap(), workgroups.iter().max().unwrap());
                writeln!(text, "    {size:<12} {:>3}x {variant:<58} {least:>5}..{most}", workgroups.len()).unwrap();
            }
        }
    }
    text
}

#[test]
fn every_card_gets_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cards/choices.txt");
    let table = table();
    if std::env::var_os("DENSENET_BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(table == written, "{} is not what it says any more; DENSENET_BLESS=1 writes:\n{table}", path.display());
}

#[test]
fn no_layer_of_a_large_card_is_left_to_a_few_cores() {
    for card in CARDS {
        let facts = facts(card);
        let cores = u64::from(Machine::guess(&facts).cores);
        for dispatch in program(&facts, 1).dispatches.iter().filter(|dispatch| dispatch.layer.is_some()) {
            let workgroups: u64 = dispatch.grid.workgroups(1).map(u64::from).iter().product();
            let linear = dispatch.layer.as_ref().is_some_and(|layer| layer.what == "linear");
            assert!(workgroups >= cores / 3 || linear, "{}: {}: {workgroups} of {cores}", facts.name, dispatch.name);
        }
    }
}
