// Softmax over a vector, or its logarithm:
//
//     y[c] = exp(x[c] - m) / sum_k exp(x[k] - m)        log y[c] = x[c] - m - log sum_k exp(x[k] - m)
//
// where m is the largest x, so that nothing overflows. Vectors are short: one invocation has an image.
//
// From Rust:
//     FAR_BELOW   below every value
//     NO_SHARE    where exp is as good as 0

struct Params {
    quads: u32,         // C/4
    dst_quads: u32,     // quads of the whole destination tensor
    dst_offset: u32,    // first quad that is written
    logarithm: u32,     // 1: log y
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4] of 4 channels
@group(0) @binding(3) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 3] of 4 channels: 1, 0, 0 if it pads

// Channels that only pad are far below all others.
fn value(image: u32, quad: u32) -> vec4<f32> {
    return select(vec4<f32>(FAR_BELOW), src[image * params.quads + quad], norm[3u * quad + 2u] > vec4<f32>());
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x > 0u) {
        return;
    }
    var largest = vec4<f32>(FAR_BELOW);
    for (var c = 0u; c < params.quads; c++) {
        largest = max(largest, value(id.z, c));
    }
    let m = max(max(largest.x, largest.y), max(largest.z, largest.w));
    var sums = vec4<f32>();
    for (var c = 0u; c < params.quads; c++) {
        sums += exp(max(value(id.z, c) - m, vec4<f32>(NO_SHARE))) * norm[3u * c + 2u];
    }
    let sum = dot(sums, vec4<f32>(1.0));
    for (var c = 0u; c < params.quads; c++) {
        let x = value(id.z, c) - m;
        let y = select(exp(max(x, vec4<f32>(NO_SHARE))) / sum, x - log(sum), params.logarithm == 1u);
        dst[id.z * params.dst_quads + params.dst_offset + c] = select(vec4<f32>(), y, norm[3u * c + 2u] > vec4<f32>());
    }
}
