//! Ring 7: Chrome's own compiler. It refuses what naga lets pass, and wants directives that naga refuses.

mod browser;

use browser::{Browser, WebGpu};
use densenet_wgpu::Precision;
use densenet_wgpu::low_level::kernels::{Kernel, Variant};
use serde_json::{Value, json};

/// Compiles each shader, and makes its pipeline if it is to have one. Returns [name, message] of each that fails,
/// and how many pipelines there are.
const COMPILE: &str = "
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) throw new Error('no adapter');
    const features = ['subgroups', 'shader-f16'].filter(name => adapter.features.has(name));
    // The limits are WebGPU's default: what every device has.
    const device = await adapter.requestDevice({ requiredFeatures: features });
    const failures = [];
    let pipelines = 0;
    device.pushErrorScope('validation');
    // One after the other: SwiftShader compiles at once what is asked for at once, and all wait for each other.
    for (const { name, source, constants, pipeline } of args[0]) {
        const module = device.createShaderModule({ code: source });
        const { messages } = await module.getCompilationInfo();
        const error = messages.find(message => message.type === 'error');
        if (error) failures.push([name, `${error.lineNum}: ${error.message}`]);
        else if (pipeline) try {
            await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main', constants } });
            pipelines++;
        } catch (refusal) { failures.push([name, refusal.message]); }
    }
    return { features, failures, pipelines };";

/// Pipelines take SwiftShader a second each. Those of f16 weights, and of other numbers, differ from the others in nothing that it
/// would refuse.
fn has_pipeline(variant: Variant) -> bool {
    variant.precision == Precision::F32 && variant.tiling == variant.kernel.tilings()[0]
}

fn shader(variant: Variant, source: String) -> Value {
    let constants: serde_json::Map<String, Value> =
        variant.overrides().into_iter().map(|(name, value)| (name.to_string(), value.into())).collect();
    json!({ "name": variant.to_string(), "source": source, "constants": constants, "pipeline": has_pipeline(variant) })
}

#[test]
fn every_variant_is_compiled_by_chrome() {
    let browser = Browser::start(WebGpu::SwiftShader);
    // The workgroup size is a constant of the pipeline: the text is the same for each.
    let variants: Vec<Variant> = Kernel::all().flat_map(|kernel| kernel.variants(&[64])).collect();
    let shaders: Vec<Value> = variants.iter().map(|variant| shader(*variant, variant.browser_source())).collect();
    let answer = browser.run(COMPILE, &[shaders.into()]);
    println!("{} variants, features {}", variants.len(), answer["features"]);
    assert_eq!(answer["failures"], json!([]));
    assert_eq!(answer["pipelines"], variants.iter().filter(|variant| has_pipeline(**variant)).count());

    // The faults that naga does not see would be noticed.
    let plain = Variant::plain(Kernel::named("buffer/max_pool").unwrap(), 64);
    let decimal = plain.browser_source().replace("-0x1.fffffep+127f", "-3.40282347e38");
    assert_ne!(decimal, plain.browser_source());
    let exchanging = variants.iter().find(|variant| variant.subgroup > 0).unwrap();
    let broken = [shader(plain, decimal), shader(*exchanging, exchanging.source())];
    let answer = browser.run(COMPILE, &[json!(broken)]);
    assert_eq!(answer["failures"].as_array().unwrap().len(), 2, "{answer}");
}
