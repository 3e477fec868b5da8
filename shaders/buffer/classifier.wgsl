// The classifier:
//
//     y[k] = b[k] + sum_c w[k, c] * x[c]

#import shared/packed_f32.wgsl if not F16
#import shared/packed_f16.wgsl if F16

struct Params {
    read_quads: u32,    // C/4
    write_quads: u32,   // K/4
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4] of 4 classes
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [C/4, K/4] of [c, k]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;          // [K/4] of 4 classes

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.write_quads) {
        return;
    }
    // Neighbouring invocations read neighbouring weights: the class runs fastest.
    var sum = bias[id.x];
    for (var c = 0u; c < params.read_quads; c++) {
        sum += unpack(weight[c * params.write_quads + id.x]) * src[id.z * params.read_quads + c];
    }
    dst[id.z * params.write_quads + id.x] = sum;
}
