//! Ring 2: every shader and variant without a GPU. naga parses and validates them and writes SPIR-V, MSL and HLSL;
//! bindings and parameter structs agree with the Rust side.

use densenet_wgpu::kernels::{AdapterFacts, AdapterKind, DeviceLimits, Kernel, KernelFamily, Program, Variant};
use densenet_wgpu::plan::Plan;
use densenet_wgpu::{Architecture, InputSize};
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

fn parse(kernel: Kernel) -> naga::Module {
    let source = kernel.source();
    naga::front::wgsl::parse_str(&source).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&source)))
}

fn every_variant() -> Vec<Variant> {
    let mut variants = Vec::new();
    for kernel in Kernel::ALL {
        for workgroup_size in [1, 8, 64, 256] {
            for wide in [false, true] {
                for norm in [false, true] {
                    variants.push(Variant { kernel, workgroup_size, wide, norm });
                }
            }
        }
    }
    variants
}

#[test]
fn every_variant_is_valid_and_translates() {
    for variant in every_variant() {
        let module = parse(variant.kernel);
        let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|e| panic!("{variant}: {}", e.emit_to_string(&variant.kernel.source())));
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
    let broken = Kernel::Pointwise.source().replace("near.q0 += w0 * x;", "near.q0 += w0 * scale;");
    let module = naga::front::wgsl::parse_str(&broken);
    let valid =
        module.is_ok_and(|m| Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&m).is_ok());
    assert!(!valid);
}

/// Kind of each binding of group 0, in order of binding numbers, and the size of the uniform struct.
fn reflect(kernel: Kernel) -> (Vec<&'static str>, u32) {
    let module = parse(kernel);
    let mut bindings = Vec::new();
    let mut uniform_bytes = 0;
    for (_, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else { continue };
        assert_eq!(binding.group, 0);
        let kind = match variable.space {
            naga::AddressSpace::Uniform => {
                uniform_bytes = module.types[variable.ty].inner.size(module.to_ctx());
                "uniform"
            }
            naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => "read_write",
            naga::AddressSpace::Storage { .. } => "read",
            _ => panic!("{} binds something else", kernel.name()),
        };
        bindings.push((binding.binding, kind));
    }
    bindings.sort_unstable();
    assert!(bindings.iter().enumerate().all(|(index, (binding, _))| index as u32 == *binding), "gaps");
    (bindings.into_iter().map(|(_, kind)| kind).collect(), uniform_bytes)
}

#[test]
fn bindings_and_parameters_agree_with_rust() {
    let mut seen = std::collections::HashSet::new();
    for (name, side) in [("densenet121", 64), ("densenet-40-12", 32)] {
        let plan = Plan::new(&Architecture::preset(name).unwrap(), InputSize::square(side), 2).unwrap();
        let program = Program::lower(&plan, KernelFamily::Buffer, &facts(AdapterKind::Discrete)).unwrap();
        for dispatch in &program.dispatches {
            let kernel = program.variants[dispatch.variant].kernel;
            let (bindings, uniform_bytes) = reflect(kernel);
            let mut expected = vec!["uniform", "read", "read_write"];
            expected.resize(3 + dispatch.weights.len(), "read");
            assert_eq!(bindings, expected, "{}", dispatch.name);
            assert_eq!(kernel.weight_bindings(), dispatch.weights.len(), "{}", dispatch.name);
            assert_eq!(uniform_bytes as usize, dispatch.params.len(), "{}", dispatch.name);
            seen.insert(kernel);
        }
    }
    assert_eq!(seen.len(), Kernel::ALL.len(), "a kernel that no program uses");
}

#[test]
fn every_binding_line_ends_with_its_axes_and_every_file_begins_with_its_mathematics() {
    for kernel in Kernel::ALL {
        let source = kernel.source();
        assert!(source.starts_with("// "), "{}", kernel.name());
        for line in source.lines().filter(|line| line.contains("var<storage")) {
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
            let program = Program::lower(&plan, KernelFamily::Buffer, &facts(kind)).unwrap();
            assert!(program.variants.len() <= 12, "{name}: {} pipelines", program.variants.len());
        }
    }
}

#[test]
fn weights_do_not_depend_on_batch_or_size() {
    let architecture = Architecture::preset("densenet-bc-100-12").unwrap();
    let lower = |side, batch| {
        let plan = Plan::new(&architecture, InputSize::square(side), batch).unwrap();
        Program::lower(&plan, KernelFamily::Buffer, &facts(AdapterKind::Discrete)).unwrap()
    };
    assert_eq!(lower(32, 1).weights, lower(65, 7).weights);
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
    let small = DeviceLimits { max_compute_invocations_per_workgroup: 32, ..DeviceLimits::default() };
    let error = lower(224, 1, small).unwrap_err();
    assert!(error.contains("max_compute_invocations_per_workgroup"), "{error}");
}
