// A transition's pre-activation and 2x2 average pooling with stride 2, ahead of its 1x1 convolution:
//
//     y[c, i, j] = 1/4 sum_{u, v in 0..2} max(s[c] * x[c, 2 i + u, 2 j + v] + t[c], 0)

struct Params {
    in_height: u32,
    in_width: u32,
    height: u32,
    width: u32,
    quads: u32,         // C/4 of both tensors
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H, W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4, H/2, W/2] of 4 channels
@group(0) @binding(3) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = id.x / params.width;
    let x = id.x % params.width;
    if (y >= params.height) {
        return;
    }
    let quad = id.z * params.quads + id.y;
    let scale = norm[2u * id.y];
    let shift = norm[2u * id.y + 1u];
    let zero = vec4<f32>();
    let upper = (quad * params.in_height + 2u * y) * params.in_width + 2u * x;
    let lower = upper + params.in_width;
    let sum = max(src[upper] * scale + shift, zero) + max(src[upper + 1u] * scale + shift, zero)
        + max(src[lower] * scale + shift, zero) + max(src[lower + 1u] * scale + shift, zero);
    dst[quad * params.height * params.width + id.x] = 0.25 * sum;
}
