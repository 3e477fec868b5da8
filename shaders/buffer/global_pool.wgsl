// The last pre-activation and the mean over all pixels:
//
//     y[c] = 1/(H W) sum_p max(s[c] * x[c, p] + t[c], 0)

struct Params {
    pixels: u32,        // H * W
    quads: u32,         // C/4 of both tensors
    reciprocal: f32,    // 1 / (H * W)
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H*W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4] of 4 channels
@group(0) @binding(3) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.quads) {
        return;
    }
    let scale = norm[2u * id.x];
    let shift = norm[2u * id.x + 1u];
    let quad = id.z * params.quads + id.x;
    var sum = vec4<f32>();
    for (var p = 0u; p < params.pixels; p++) {
        sum += max(src[quad * params.pixels + p] * scale + shift, vec4<f32>());
    }
    dst[quad] = sum * params.reciprocal;
}
