// The last norm and, where there is one, its ReLU, for heads that read feature maps whole:
//
//     y[c, p] = max(s[c] * x[c, p] + t[c], floor)
//
// where the floor of no ReLU is below every number.

struct Params {
    pixels: u32,        // H * W
    quads: u32,         // C/4 of both tensors
    floor: f32,
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H*W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4, H*W] of 4 channels
@group(0) @binding(3) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.pixels) {
        return;
    }
    let at = (id.z * params.quads + id.y) * params.pixels + id.x;
    let x = src[at] * norm[2u * id.y] + norm[2u * id.y + 1u];
    // Channels that only pad stay 0, whatever the floor.
    dst[at] = max(x, vec4<f32>(params.floor));
}
