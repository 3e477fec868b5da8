// A fully connected layer and its activation:
//
//     y[k] = f(b[k] + sum_c w[k, c] * x[c])
//
// From Rust:
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

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4] of 4 outputs
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [C/4, K/4] of [c, k]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;          // [K/4] of 4 outputs

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.write_quads) {
        return;
    }
    // Neighbouring invocations read neighbouring weights: the output runs fastest.
    var sum = bias[id.x];
    for (var c = 0u; c < params.read_quads; c++) {
        sum += unpack(weight[c * params.write_quads + id.x]) * src[id.z * params.read_quads + c];
    }
    let y = activate(params.activation, params.slope, sum);
    dst[id.z * params.dst_quads + params.dst_offset + id.x] = without_pads(id.x, params.channels, y);
}
