// A fully connected layer and its activation:
//
//     y[k] = f(b[k] + sum_c w[k, c] * x[c])
//
// For GPUs: a workgroup computes QUADS quads of outputs and splits each sum over c into SLICES, so that no invocation waits
// for a thousand loads one after another.
//
// From Rust:
//     WORKGROUP_SIZE  QUADS * SLICES
//     QUADS           quads of outputs of a workgroup
//     SLICES          parts of a sum
//     LEAKY_RELU, GELU, GELU_TANH, SILU, TANH, SIGMOID  values of `activation`; any other is the identity
//     QUAD            channels of a quad

#import shared/activate.wgsl
#import shared/packed_f32.wgsl if not F16
#import shared/packed_f16.wgsl if F16

struct Params {
    read_quads: u32,    // C/4
    write_quads: u32,   // K/4
    channels: u32,      // K
    dst_quads: u32,     // quads of the whole destination tensor
    dst_offset: u32,    // first quad that is written
    activation: u32,    // f
    slope: f32,         // of a leaky ReLU
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4] of 4 outputs
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [C/4, K/4] of [c, k]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;          // [K/4] of 4 outputs

var<workgroup> partial: array<vec4<f32>, WORKGROUP_SIZE>;   // [SLICES, QUADS] of 4 outputs

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let quad = workgroup.x * QUADS + lane % QUADS;
    // Quads past the end repeat the last one and are never stored.
    let k = min(quad, params.write_quads - 1u);
    var sum = vec4<f32>();
    for (var c = lane / QUADS; c < params.read_quads; c += SLICES) {
        sum += unpack(weight[c * params.write_quads + k]) * src[workgroup.z * params.read_quads + c];
    }
    partial[lane] = sum;
    workgroupBarrier();
    if (lane < QUADS && quad < params.write_quads) {
        var total = bias[quad];
        for (var slice = 0u; slice < SLICES; slice++) {
            total += partial[slice * QUADS + lane];
        }
        let y = activate(params.activation, params.slope, total);
        dst[workgroup.z * params.dst_quads + params.dst_offset + quad] = without_pads(quad, params.channels, y);
    }
}
