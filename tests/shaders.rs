//! Ring 2: every shader and variant without a GPU. naga parses and validates them and writes SPIR-V, MSL and HLSL;
//! bindings and parameter structs agree with the Rust side.

use densenet_wgpu::low_level::kernels::{Binding, Kernel, Program, Variant};
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::{AdapterFacts, AdapterKind, Architecture, DeviceLimits, InputSize, KernelFamily};
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
    let flags = |exists: bool| if exists { vec![false, true] } else { vec![false] };
    let mut variants = Vec::new();
    for kernel in Kernel::ALL {
        let sizes = kernel.fixed_workgroup_size().map_or(vec![1, 8, 64, 256], |size| vec![size]);
        let subgroups = match kernel.family() {
            _ if !kernel.exchanges() => vec![0],
            KernelFamily::Texture => vec![0, 8],
            KernelFamily::Buffer => vec![0, 8, 16, 32, 64],
        };
        for workgroup_size in sizes {
            for &subgroup in &subgroups {
                for norm in flags(kernel.has_norm()) {
                    for half in flags(kernel.has_half()) {
                        for three in flags(kernel.has_three()) {
                            variants.push(Variant { kernel, workgroup_size, norm, three, half, subgroup });
                        }
                    }
                }
            }
        }
    }
    variants
}

#[test]
fn every_variant_is_valid_and_translates() {
    for variant in every_variant() {
        let module = parse(variant);
        let mut capabilities = Capabilities::empty();
        capabilities.set(Capabilities::SUBGROUP, variant.subgroup > 0);
        // Of WebGPU's core: unpack2x16float.
        capabilities.set(Capabilities::SHADER_FLOAT16_IN_FLOAT32, variant.half);
        let mut validator = Validator::new(ValidationFlags::all(), capabilities);
        if variant.subgroup > 0 {
            let stages = naga::valid::ShaderStages::COMPUTE;
            validator.subgroup_stages(stages).subgroup_operations(naga::valid::SubgroupOperationSet::all());
        }
        let info = validator
            .validate(&module)
            .unwrap_or_else(|e| panic!("{variant}: {}", e.emit_to_string(&variant.source())));
        let entry = (naga::ShaderStage::Compute, "main");
        let constants = variant.constants().into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        let (module, info) = naga::back::pipeline_constants::process_overrides(&module, &info, Some(entry), &constants)
            .unwrap_or_else(|e| panic!("{variant}: {e}"));
        assert_eq!(module.entry_points[0].workgroup_size, [variant.workgroup_size, 1, 1], "{variant}");

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

#[test]
fn a_broken_shader_would_be_noticed() {
    let broken =
        Variant::plain(Kernel::Pointwise).source().replace("(*tile).q0 += w.w0 * x;", "(*tile).q0 += w.w0 * x[0];");
    let module = naga::front::wgsl::parse_str(&broken);
    let valid =
        module.is_ok_and(|m| Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&m).is_ok());
    assert!(!valid);
}

/// Each binding of group 0, in order of binding numbers, and the size of the uniform struct.
fn reflect(variant: Variant) -> (Vec<Binding>, u32) {
    let module = parse(variant);
    let mut bindings = Vec::new();
    let mut uniform_bytes = 0;
    for (_, variable) in module.global_variables.iter() {
        let Some(place) = &variable.binding else { continue };
        assert_eq!(place.group, 0);
        let store = naga::StorageAccess::STORE;
        let binding = match (variable.space, &module.types[variable.ty].inner) {
            (naga::AddressSpace::Uniform, inner) => {
                uniform_bytes = inner.size(module.to_ctx());
                Binding::Uniform
            }
            (naga::AddressSpace::Storage { access }, _) if access.contains(store) => Binding::WriteBuffer,
            (naga::AddressSpace::Storage { .. }, _) => Binding::ReadBuffer,
            (naga::AddressSpace::Handle, naga::TypeInner::Image { class, .. }) => match class {
                naga::ImageClass::Storage { access, .. } if access.contains(store) => Binding::WriteTexture,
                naga::ImageClass::Storage { .. } => Binding::ReadTexture,
                other => panic!("{variant} binds {other:?}"),
            },
            other => panic!("{variant} binds {other:?}"),
        };
        bindings.push((place.binding, binding));
    }
    bindings.sort_by_key(|(number, _)| *number);
    assert!(bindings.iter().enumerate().all(|(index, (number, _))| index as u32 == *number), "{variant}: gaps");
    (bindings.into_iter().map(|(_, binding)| binding).collect(), uniform_bytes)
}

#[test]
fn bindings_and_parameters_agree_with_rust() {
    let mut seen = std::collections::HashSet::new();
    let (gpu, cpu) = (facts(AdapterKind::Discrete), facts(AdapterKind::Software));
    for (name, side) in [("densenet121", 64), ("densenet121", 224), ("densenet-40-12", 32)] {
        for (family, facts) in
            [(KernelFamily::Buffer, &gpu), (KernelFamily::Buffer, &cpu), (KernelFamily::Texture, &cpu)]
        {
            let plan = Plan::new(&Architecture::preset(name).unwrap(), InputSize::square(side), 3).unwrap();
            let program = Program::lower(&plan, family, facts).unwrap();
            for dispatch in &program.dispatches {
                let variant = program.variants[dispatch.variant];
                let (bindings, uniform_bytes) = reflect(variant);
                assert_eq!(bindings, variant.kernel.bindings(), "{}", dispatch.name);
                assert_eq!(bindings.len(), 3 + dispatch.weights.len(), "{}", dispatch.name);
                assert_eq!(uniform_bytes as usize, dispatch.params.len(), "{}", dispatch.name);
                seen.insert(variant.kernel);
            }
        }
    }
    assert_eq!(seen.len(), Kernel::ALL.len(), "a kernel that no program uses");
}

#[test]
fn lanes_exchange_registers_only_where_all_subgroups_are_alike() {
    let plan = Plan::new(&Architecture::preset("densenet121").unwrap(), InputSize::square(64), 1).unwrap();
    for (subgroups, subgroup_min, subgroup_max, wanted) in [
        (true, 8, 8, true),
        (true, 32, 32, true),
        (true, 64, 64, true),
        (true, 128, 128, false),
        (true, 4, 4, false),
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
    for kernel in Kernel::ALL {
        let source = Variant::plain(kernel).source();
        assert!(source.starts_with("// "), "{}", kernel.name());
        let bindings = |line: &&str| line.contains("var<storage") || line.contains(": texture_storage");
        for line in source.lines().filter(bindings) {
            let comment = line.split_once("// ").map(|(_, comment)| comment).unwrap_or_default();
            assert!(comment.contains('['), "{}: no axes: {line}", kernel.name());
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
                assert!(program.variants.len() <= 12, "{name}: {} pipelines", program.variants.len());
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
                Program::lower_within(plan, usize::MAX, family, &facts).map(|p| p.batch)
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
    let small = DeviceLimits { max_compute_invocations_per_workgroup: 32, ..DeviceLimits::default() };
    let error = lower(224, 1, small).unwrap_err();
    assert!(error.contains("max_compute_invocations_per_workgroup"), "{error}");
}
