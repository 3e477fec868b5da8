// Batch norms of a vector and an activation:
//
//     y[c] = f(s[c] * x[c] + t[c])
//
// From Rust:
//     LEAKY_RELU, GELU, GELU_TANH, SILU, TANH, SIGMOID  values of `activation`; any other is the identity
//     QUAD            channels of a quad

#import shared/activate.wgsl

struct Params {
    quads: u32,         // C/4
    dst_quads: u32,     // quads of the whole destination tensor
    dst_offset: u32,    // first quad that is written
    activation: u32,    // f
    slope: f32,         // of a leaky ReLU
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4] of 4 channels
@group(0) @binding(3) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 3] of 4 channels: scale, shift, 0 if it pads

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.quads) {
        return;
    }
    let x = src[id.z * params.quads + id.x] * norm[3u * id.x] + norm[3u * id.x + 1u];
    let y = activate(params.activation, params.slope, x) * norm[3u * id.x + 2u];
    dst[id.z * params.dst_quads + params.dst_offset + id.x] = y;
}
