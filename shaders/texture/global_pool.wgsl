// The last pre-activation and the mean over all pixels, into a buffer:
//
//     y[c] = 1/(H W) sum_p max(s[c] * x[c, p] + t[c], 0)
//
// From Rust:
//     WORKGROUP_SIZE  quads of channels of a workgroup

#import shared/panels.wgsl

struct Params {
    height: u32,
    width: u32,
    quads: u32,         // C/4 of both tensors
    src_groups: u32,    // image rows of a panel of the source
    reciprocal: f32,    // 1 / (H * W)
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, C/4] rows of [W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4] of 4 channels
@group(0) @binding(3) var norm: texture_storage_2d<rgba32float, read>;    // [scale, shift] rows of [C/4] of 4 channels

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.quads) {
        return;
    }
    let scale = textureLoad(norm, vec2<u32>(id.x, 0u));
    let shift = textureLoad(norm, vec2<u32>(id.x, 1u));
    var sum = vec4<f32>();
    for (var y = 0u; y < params.height; y++) {
        let at = place(id.z * params.height + y, 0u, params.quads, params.src_groups, params.width);
        for (var x = 0u; x < params.width; x++) {
            sum += max(textureLoad(src, vec2<u32>(at.x + x, at.y + id.x)) * scale + shift, vec4<f32>());
        }
    }
    dst[id.z * params.quads + id.x] = sum * params.reciprocal;
}
