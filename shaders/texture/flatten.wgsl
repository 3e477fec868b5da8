// The last norm and, where there is one, its ReLU, into a buffer, for heads that read feature maps whole:
//
//     y[c, p] = max(s[c] * x[c, p] + t[c], floor)
//
// where the floor of no ReLU is below every number.
//
// From Rust:
//     WORKGROUP_SIZE  pixels of a workgroup

#import shared/panels.wgsl

struct Params {
    height: u32,
    width: u32,
    quads: u32,         // C/4 of both tensors
    src_groups: u32,    // image rows of a panel of the source
    floor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, C/4] rows of [W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4, H*W] of 4 channels
@group(0) @binding(3) var norm: texture_storage_2d<rgba32float, read>;    // [scale, shift] rows of [C/4] of 4 channels

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = params.height * params.width;
    if (id.x >= pixels) {
        return;
    }
    let at = place(id.z * params.height + id.x / params.width, id.x % params.width, params.quads, params.src_groups,
        params.width);
    let texel = textureLoad(src, vec2<u32>(at.x, at.y + id.y));
    let scale = textureLoad(norm, vec2<u32>(id.y, 0u));
    let shift = textureLoad(norm, vec2<u32>(id.y, 1u));
    dst[(id.z * params.quads + id.y) * pixels + id.x] = max(texel * scale + shift, vec4<f32>(params.floor));
}
