//! Ring 2: every shader and variant without a GPU. naga parses and validates them and writes SPIR-V, MSL and HLSL.
//! Bindings, parameters and numbers agree with the Rust side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use densenet_wgpu::architecture::{Head, HeadLayer, Pooling};
use densenet_wgpu::low_level::kernels::{Binding, Experience, Field, Kernel, Kernels, Program, Value, Variant};
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::{AdapterFacts, AdapterKind, Architecture, DeviceLimits, InputSize, KernelFamily, Precision};
use naga::valid::{Capabilities, ValidationFlags, Validator};

fn facts(kind: AdapterKind) -> AdapterFacts {
    AdapterFacts {
        name: "made up".into(),
        kind,
        backend: "none".into(),
        driver: String::new(),
        limits: DeviceLimits::default(),
        subgroups: false,
        subgroup_min: 1,
        subgroup_max: 128,
        shader_f16: false,
        timestamps: false,
    }
}

fn parse(variant: Variant) -> naga::Module {
    let source = variant.source();
    naga::front::wgsl::parse_str(&source).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&source)))
}

fn every_variant() -> Vec<Variant> {
    Kernel::all().flat_map(|kernel| kernel.variants(&[1, 8, 64, 256])).collect()
}

fn plain(name: &str) -> Variant {
    Variant::plain(Kernel::named(name).unwrap(), 64)
}

#[test]
fn every_variant_is_valid_and_translates() {
    for variant in every_variant() {
        let module = parse(variant);
        let mut capabilities = Capabilities::empty();
        capabilities.set(Capabilities::SUBGROUP, variant.subgroup > 0);
        // Of WebGPU's core: unpack2x16float.
        capabilities.set(Capabilities::SHADER_FLOAT16_IN_FLOAT32, variant.precision == Precision::F16);
        let mut validator = Validator::new(ValidationFlags::all(), capabilities);
        if variant.subgroup > 0 {
            let stages = naga::valid::ShaderStages::COMPUTE;
            validator.subgroup_stages(stages).subgroup_operations(naga::valid::SubgroupOperationSet::all());
        }
        let info = validator
            .validate(&module)
            .unwrap_or_else(|e| panic!("{variant}: {}", e.emit_to_string(&variant.source())));
        let entry = (naga::ShaderStage::Compute, "main");
        let constants = variant.overrides().into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        let (module, info) = naga::back::pipeline_constants::process_overrides(&module, &info, Some(entry), &constants)
            .unwrap_or_else(|e| panic!("{variant}: {e}"));
        assert_eq!(module.entry_points[0].workgroup_size, [variant.workgroup_size, 1, 1], "{variant}");
        let limits = DeviceLimits::default();
        assert!(variant.workgroup_size <= limits.max_compute_invocations_per_workgroup, "{variant}");
        assert_eq!(workgroup_bytes(&module), variant.memory(), "{variant}");
        assert!(variant.memory() <= limits.max_compute_workgroup_storage_size, "{variant}: {}", variant.memory());

        let spirv = naga::back::spv::write_vec(&module, &info, &naga::back::spv::Options::default(), None);
        assert!(spirv.unwrap_or_else(|e| panic!("{variant}: SPIR-V: {e}")).len() > 100);
        let options = naga::back::msl::Options { fake_missing_bindings: true, ..Default::default() };
        let msl = naga::back::msl::write_string(&module, &info, &options, &Default::default());
        assert!(msl.unwrap_or_else(|e| panic!("{variant}: MSL: {e}")).0.contains("kernel void"));
        let mut hlsl = String::new();
        let options = naga::back::hlsl::Options { fake_missing_bindings: true, ..Default::default() };
        let pipeline = naga::back::hlsl::PipelineOptions::default();
        naga::back::hlsl::Writer::new(&mut hlsl, &options, &pipeline)
            .write(&module, &info, None)
            .unwrap_or_else(|e| panic!("{variant}: HLSL: {e}"));
        assert!(hlsl.contains("numthreads"), "{variant}");
    }
}

/// Bytes of a module's workgroup memory.
fn workgroup_bytes(module: &naga::Module) -> u32 {
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).unwrap();
    let shared = module.global_variables.iter().filter(|(_, it)| it.space == naga::AddressSpace::WorkGroup);
    shared.map(|(_, variable)| layouter[variable.ty].size).sum()
}

#[test]
fn convolutions_have_a_space_of_variants() {
    let mut names = BTreeSet::new();
    for operation in ["pointwise", "conv3x3"] {
        let forms = ["", "_split", "_tiled"].map(|form| format!("buffer/{operation}{form}"));
        let tilings = forms.iter().map(|form| Kernel::named(form).unwrap().tilings().len()).sum::<usize>();
        assert!(tilings >= 24, "{operation}: {tilings}");
    }
    for variant in every_variant() {
        assert!(names.insert(variant.to_string()), "two variants are called {variant}");
    }
}

#[test]
fn a_broken_shader_would_be_noticed() {
    let broken = plain("buffer/pointwise").source().replace("(*tile).q0 += w.w0 * x;", "(*tile).q0 += w.w0 * x[0];");
    let module = naga::front::wgsl::parse_str(&broken);
    let valid =
        module.is_ok_and(|m| Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&m).is_ok());
    assert!(!valid);
}

/// Each binding of group 0, in order of binding numbers.
fn bindings(module: &naga::Module) -> Vec<Binding> {
    let mut bindings = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(place) = &variable.binding else { continue };
        assert_eq!(place.group, 0);
        let store = naga::StorageAccess::STORE;
        let binding = match (variable.space, &module.types[variable.ty].inner) {
            (naga::AddressSpace::Uniform, _) => Binding::Uniform,
            (naga::AddressSpace::Storage { access }, _) if access.contains(store) => Binding::WriteBuffer,
            (naga::AddressSpace::Storage { .. }, _) => Binding::ReadBuffer,
            (naga::AddressSpace::Handle, naga::TypeInner::Image { class, .. }) => match class {
                naga::ImageClass::Storage { access, .. } if access.contains(store) => Binding::WriteTexture,
                naga::ImageClass::Storage { .. } => Binding::ReadTexture,
                other => panic!("bound: {other:?}"),
            },
            other => panic!("bound: {other:?}"),
        };
        bindings.push((place.binding, binding));
    }
    bindings.sort_by_key(|(number, _)| *number);
    assert!(bindings.iter().enumerate().all(|(index, (number, _))| index as u32 == *number), "gaps");
    bindings.into_iter().map(|(_, binding)| binding).collect()
}

/// What the fields of the uniform struct say in WGSL: name, offset, type, and bytes of the whole.
fn uniform(module: &naga::Module) -> (Vec<(String, usize, &'static str)>, usize) {
    let uniform = |(_, variable): &(_, &naga::GlobalVariable)| variable.space == naga::AddressSpace::Uniform;
    let (_, variable) = module.global_variables.iter().find(uniform).unwrap();
    let naga::TypeInner::Struct { members, span } = &module.types[variable.ty].inner else { panic!("no struct") };
    let scalar = |ty| match module.types[ty].inner {
        naga::TypeInner::Scalar(naga::Scalar::U32) => "u32",
        naga::TypeInner::Scalar(naga::Scalar::F32) => "f32",
        ref other => panic!("a parameter of type {other:?}"),
    };
    let field = |member: &naga::StructMember| {
        (member.name.clone().unwrap_or_default(), member.offset as usize, scalar(member.ty))
    };
    (members.iter().map(field).collect(), *span as usize)
}

/// Whether the parameters that Rust writes are those that the shader reads.
fn parameters_agree(fields: &[Field], wgsl: &str) -> bool {
    let rust: Vec<_> = fields.iter().map(|field| (field.name.to_string(), field.offset, field.scalar)).collect();
    (rust, 4 * fields.len()) == uniform(&naga::front::wgsl::parse_str(wgsl).unwrap())
}

#[test]
fn bindings_and_parameters_agree_with_rust() {
    for variant in every_variant() {
        assert_eq!(bindings(&parse(variant)), variant.kernel.bindings(), "{variant}");
        assert!(parameters_agree(variant.kernel.params(), &variant.source()), "{variant}");
    }
}

#[test]
fn parameters_that_disagree_would_be_noticed() {
    let kernel = Kernel::named("texture/append").unwrap();
    let source = plain("texture/append").source();
    assert!(parameters_agree(kernel.params(), &source));
    let swapped = source.replace("src_quads: u32", "other: u32").replace("dst_quads: u32", "src_quads: u32");
    let swapped = swapped.replace("other: u32", "dst_quads: u32");
    let another_type = source.replace("    height: u32", "    height: f32");
    let another_name = source.replace("height", "rows");
    let one_more = source.replace("    height: u32,", "    height: u32, depth: u32,");
    for wrong in [swapped, another_type.replace("params.height", "u32(params.height)"), another_name, one_more] {
        assert_ne!(wrong, source);
        assert!(!parameters_agree(kernel.params(), &wrong), "{wrong}");
    }
}

#[test]
fn programs_use_every_kernel_and_bind_what_it_wants() {
    let mut seen = BTreeSet::new();
    let (gpu, cpu) = (facts(AdapterKind::Discrete), facts(AdapterKind::Software));
    let preset = |name: &str| Architecture::preset(name).unwrap();
    let layers = vec![HeadLayer::Tanh, HeadLayer::Linear { outputs: 9 }, HeadLayer::Softmax];
    let head = Head { pooling: Pooling::Flatten { height: 2, width: 2 }, layers, ..Head::default() };
    let headed = Architecture { head, ..preset("densenet121") };
    let networks =
        [(headed, 64), (preset("densenet121"), 64), (preset("densenet121"), 224), (preset("densenet-40-12"), 32)];
    for (network, side) in &networks {
        for (family, facts) in
            [(KernelFamily::Buffer, &gpu), (KernelFamily::Buffer, &cpu), (KernelFamily::Texture, &cpu)]
        {
            let plan = Plan::new(network, InputSize::square(*side), 3).unwrap();
            let program = Program::lower(&plan, family, facts).unwrap();
            for dispatch in &program.dispatches {
                let kernel = program.variants[dispatch.variant].kernel;
                assert_eq!(kernel.bindings().len(), 3 + dispatch.weights.len(), "{}", dispatch.name);
                assert_eq!(4 * kernel.params().len(), dispatch.params.len(), "{}", dispatch.name);
                seen.insert(kernel);
            }
        }
    }
    assert_eq!(seen, Kernel::all().collect(), "a kernel that no program uses");
}

/// Every file of `shaders/`: its path below, and its text.
fn files() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut files = BTreeMap::new();
    for folder in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()) {
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let parts = file.strip_prefix(&root).unwrap().iter().map(|part| part.to_str().unwrap());
            let path = parts.collect::<Vec<_>>().join("/");
            files.insert(path, std::fs::read_to_string(file).unwrap());
        }
    }
    files
}

#[test]
fn imports_name_files_and_every_file_is_used() {
    let files = files();
    let mut used: BTreeSet<String> = Kernel::all().map(|kernel| kernel.text().path.to_string()).collect();
    for (path, text) in &files {
        for import in text.lines().filter_map(|line| line.strip_prefix("#import ")) {
            let imported = import.split(' ').next().unwrap();
            assert!(files.contains_key(imported), "{path} imports {imported}, which does not exist");
            used.insert(imported.to_string());
        }
    }
    assert_eq!(used, files.into_keys().collect(), "files that are used, and files that exist");
}

/// A file's text without its comments.
fn code(wgsl: &str) -> String {
    wgsl.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The numbers above three that a shader's code types, unless it counts up to them: `x + 4u` where there is `x + 3u`.
fn typed_numbers(code: &str) -> Vec<u32> {
    let mut typed = Vec::new();
    for (at, _) in code.match_indices('u') {
        let digits = code[..at].len() - code[..at].trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (before, number) = code[..at].split_at(at - digits);
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        if digits == 0 || before.ends_with(is_name) || code[at + 1..].starts_with(is_name) {
            continue;
        }
        let number: u32 = number.parse().unwrap();
        let prefix = &before[before.len().saturating_sub(6)..];
        if number > 3 && !code.contains(&format!("{prefix}{}u", number - 1)) {
            typed.push(number);
        }
    }
    typed
}

#[test]
fn numbers_are_declared_in_rust_and_nowhere_else() {
    for (path, text) in files() {
        let typed = typed_numbers(&code(&text));
        assert!(typed.is_empty(), "{path}: {typed:?}");
        assert!(!code(&text).contains("e38"), "{path}");
    }
    assert_eq!(typed_numbers("x + 2u, x + 3u, x + 4u; y * 64u; i += 8u; vec4<u32>; e4u"), [64, 8]);
    for kernel in Kernel::all() {
        let (source, name) = (plain(kernel.name()).source(), kernel.name());
        let comment = kernel.text().wgsl.split("\n\n").next().unwrap();
        for constant in plain(kernel.name()).constants().iter().map(|constant| constant.name) {
            assert!(comment.contains(constant), "{name} does not say what {constant} is");
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            let words = || source.lines().flat_map(|line| line.split("//").next().unwrap().split(|c| !is_name(c)));
            assert!(words().filter(|word| *word == constant).count() > 1, "{name} does not use {constant}");
        }
    }
}

/// Members of a struct, and the columns of the matrices or vectors that they are.
fn members(variant: Variant, name: &str) -> Vec<u32> {
    let module = parse(variant);
    let (_, ty) = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some(name)).unwrap();
    let naga::TypeInner::Struct { members, .. } = &ty.inner else { panic!("{name} is no struct") };
    let columns = |member: &naga::StructMember| match module.types[member.ty].inner {
        naga::TypeInner::Matrix { columns, .. } => columns as u32,
        _ => 1,
    };
    members.iter().map(columns).collect()
}

#[test]
fn named_registers_are_as_many_as_rust_says() {
    let number = |variant: Variant, name: &str| {
        let constants = variant.constants();
        match constants.iter().find(|constant| constant.name == name).unwrap().value {
            Value::U32(value) => value,
            Value::F32(value) => panic!("{name} = {value}"),
        }
    };
    let mut tiles = 0;
    for variant in every_variant() {
        let constants = variant.constants();
        let has = |name| constants.iter().any(|constant| constant.name == name);
        let (quads, pixels) = match (has("LANE_PIXELS"), has("TILE_PIXELS")) {
            (true, _) => ("TILE_QUADS", "LANE_PIXELS"),
            (_, true) => ("QUADS", "TILE_PIXELS"),
            _ => continue,
        };
        let tile = members(variant, "Tile");
        let quads = number(variant, quads);
        assert_eq!(tile.iter().sum::<u32>(), quads * number(variant, pixels), "{variant}");
        assert_eq!(tile.len() as u32 % quads, 0, "{variant}");
        tiles += 1;
    }
    assert!(tiles > 100, "{tiles}");
    let best = members(plain("texture/max_pool"), "Best");
    assert_eq!(best.len() as u32, number(plain("texture/max_pool"), "POOL_QUADS"));
}

#[test]
fn f16_is_refused_by_the_texture_family_in_the_same_words_everywhere() {
    let refused = |kernels: densenet_wgpu::Result<Kernels>| kernels.unwrap_err().to_string();
    let (texture, f16) = (KernelFamily::Texture, Precision::F16);
    let error = refused(Kernels::new(texture, f16));
    assert!(error.contains("texture kernels have no f16 weights"), "{error}");
    for kind in [AdapterKind::Discrete, AdapterKind::Software] {
        assert_eq!(refused(Kernels::choose(Some(texture), f16, &facts(kind))), error);
        assert_eq!(Kernels::choose(None, f16, &facts(kind)).unwrap().family(), KernelFamily::Buffer);
    }
}

#[test]
fn lanes_exchange_registers_only_where_all_subgroups_are_alike() {
    let plan = Plan::new(&Architecture::preset("densenet121").unwrap(), InputSize::square(64), 1).unwrap();
    for (subgroups, subgroup_min, subgroup_max, wanted) in [
        (true, 8, 8, true),
        (true, 32, 32, true),
        (true, 64, 64, true),
        (true, 512, 512, false),
        (true, 2, 2, false),
        (true, 8, 16, false),
        (true, 4, 8, false),
        (false, 8, 8, false),
    ] {
        let exchanged = |family, kind| {
            let facts = AdapterFacts { subgroups, subgroup_min, subgroup_max, ..facts(kind) };
            let program = Program::lower(&plan, family, &facts).unwrap();
            program.variants.iter().map(|variant| variant.subgroup).max().unwrap()
        };
        let lanes = |wanted: bool| if wanted { subgroup_min } else { 0 };
        let texture = exchanged(KernelFamily::Texture, AdapterKind::Software);
        assert_eq!(texture, lanes(wanted && subgroup_min == 8), "{subgroup_min} to {subgroup_max} lanes");
        let buffer = exchanged(KernelFamily::Buffer, AdapterKind::Discrete);
        assert_eq!(buffer, lanes(wanted), "{subgroup_min} to {subgroup_max} lanes");
    }
}

#[test]
fn lavapipe_gets_textures_and_everybody_else_buffers() {
    let named = |name: &str, kind, backend: &str| {
        let facts = facts(kind);
        AdapterFacts { name: name.into(), backend: backend.into(), ..facts }.family()
    };
    let lavapipe = "llvmpipe (LLVM 15.0.6, 256 bits)";
    assert_eq!(named(lavapipe, AdapterKind::Software, "vulkan"), KernelFamily::Texture);
    assert_eq!(named(lavapipe, AdapterKind::Software, "gl"), KernelFamily::Buffer);
    assert_eq!(named("SwiftShader Device (Subzero)", AdapterKind::Software, "vulkan"), KernelFamily::Buffer);
    assert_eq!(named("Microsoft Basic Render Driver", AdapterKind::Software, "dx12"), KernelFamily::Buffer);
    assert_eq!(named("NVIDIA H100", AdapterKind::Discrete, "vulkan"), KernelFamily::Buffer);
}

#[test]
fn every_binding_line_ends_with_its_axes_and_every_file_begins_with_its_mathematics() {
    for kernel in Kernel::all() {
        let text = kernel.text().wgsl;
        assert!(text.starts_with("// "), "{kernel}");
        let bindings = |line: &&str| line.contains("var<storage") || line.contains(": texture_storage");
        for line in text.lines().filter(bindings) {
            let comment = line.split_once("// ").map(|(_, comment)| comment).unwrap_or_default();
            assert!(comment.contains('['), "{kernel}: no axes: {line}");
        }
    }
}

#[test]
fn few_pipelines() {
    for kind in [AdapterKind::Discrete, AdapterKind::Software] {
        for name in densenet_wgpu::architecture::PRESETS {
            let plan = Plan::new(&Architecture::preset(name).unwrap(), InputSize::square(64), 1).unwrap();
            for family in KernelFamily::ALL {
                let program = Program::lower(&plan, family, &facts(kind)).unwrap();
                assert!(program.variants.len() <= 16, "{name}: {} pipelines", program.variants.len());
            }
        }
    }
}

#[test]
fn weights_do_not_depend_on_batch_or_size() {
    let architecture = Architecture::preset("densenet-bc-100-12").unwrap();
    for family in KernelFamily::ALL {
        let lower = |side, batch| {
            let plan = Plan::new(&architecture, InputSize::square(side), batch).unwrap();
            Program::lower(&plan, family, &facts(AdapterKind::Discrete)).unwrap()
        };
        assert_eq!(lower(32, 1).weights, lower(65, 7).weights);
    }
}

#[test]
fn counts_beyond_every_limit_do_not_overflow() {
    let imagenet = Architecture::preset("densenet121").unwrap();
    // No stride: a block of 65536 x 65536 pixels has more of them than a u32 counts.
    let cifar = Architecture::preset("densenet-40-12").unwrap();
    let unlimited = DeviceLimits {
        max_buffer_size: u64::MAX,
        max_storage_buffer_binding_size: u64::MAX,
        ..DeviceLimits::default()
    };
    for family in KernelFamily::ALL {
        for limits in [DeviceLimits::default(), unlimited] {
            let facts = AdapterFacts { limits, ..facts(AdapterKind::Software) };
            let lower = |architecture, side| {
                let plan = |batch| Plan::new(architecture, InputSize::square(side), batch);
                Program::lower_within(plan, usize::MAX, family, &facts, &Experience::default()).map(|p| p.batch)
            };
            assert!((1..100_000).contains(&lower(&imagenet, 224).unwrap()), "{family}");
            for architecture in [&imagenet, &cifar] {
                let error = lower(architecture, 65536).unwrap_err().to_string();
                assert!(error.contains("limit is"), "{family}: {error}");
            }
        }
    }
}

#[test]
fn what_cannot_run_is_refused_by_the_limits_name() {
    let architecture = Architecture::preset("densenet121").unwrap();
    let lower = |side, batch, limits| {
        let plan = Plan::new(&architecture, InputSize::square(side), batch).unwrap();
        let facts = AdapterFacts { limits, ..facts(AdapterKind::Discrete) };
        Program::lower(&plan, KernelFamily::Buffer, &facts).map(|_| ()).map_err(|e| e.to_string())
    };
    lower(224, 32, DeviceLimits::default()).unwrap();
    let error = lower(224, 64, DeviceLimits::default()).unwrap_err();
    assert!(error.contains("max_storage_buffer_binding_size"), "{error}");
    let few_groups = DeviceLimits { max_compute_workgroups_per_dimension: 40, ..DeviceLimits::default() };
    let error = lower(224, 1, few_groups).unwrap_err();
    assert!(error.contains("max_compute_workgroups_per_dimension"), "{error}");
    let no_textures = DeviceLimits { max_storage_textures_per_shader_stage: 0, ..DeviceLimits::default() };
    let facts = AdapterFacts { limits: no_textures, ..facts(AdapterKind::Software) };
    let plan = Plan::new(&architecture, InputSize::square(224), 1).unwrap();
    let error = Program::lower(&plan, KernelFamily::Texture, &facts).unwrap_err().to_string();
    assert!(error.contains("max_storage_textures_per_shader_stage"), "{error}");
    let small = DeviceLimits { max_compute_invocations_per_workgroup: 16, ..DeviceLimits::default() };
    let error = lower(224, 1, small).unwrap_err();
    assert!(error.contains("max_compute_invocations_per_workgroup"), "{error}");
}
