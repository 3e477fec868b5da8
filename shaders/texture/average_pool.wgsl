// A transition's pre-activation and 2x2 average pooling with stride 2, ahead of its 1x1 convolution:
//
//     y[c, i, j] = 1/4 sum_{u, v in 0..2} max(s[c] * x[c, 2 i + u, 2 j + v] + t[c], 0)
//
// From Rust:
//     WORKGROUP_SIZE  pixels of a workgroup
//     POOL_QUADS      quads of channels of an invocation: they share the arithmetic of places

#import shared/panels.wgsl

struct Params {
    images: u32,
    height: u32,
    width: u32,
    in_height: u32,
    in_width: u32,
    quads: u32,         // C/4 of both tensors
    src_groups: u32,    // image rows of a panel of the source
    dst_groups: u32,    // image rows of a panel of the destination
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, C/4] rows of [W] of 4 channels
@group(0) @binding(2) var dst: texture_storage_2d<rgba32float, write>;    // [N, H/2, C/4] rows of [W/2] of 4 channels
@group(0) @binding(3) var norm: texture_storage_2d<rgba32float, read>;    // [scale, shift] rows of [C/4] of 4 channels

fn activated(at: vec2<u32>, scale: vec4<f32>, shift: vec4<f32>) -> vec4<f32> {
    return max(textureLoad(src, at) * scale + shift, vec4<f32>());
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.images * params.height * params.width) {
        return;
    }
    let group = id.x / params.width;
    let column = id.x % params.width;
    let in_group = group / params.height * params.in_height + group % params.height * 2u;
    let upper = place(in_group, 2u * column, params.quads, params.src_groups, params.in_width);
    let lower = place(in_group + 1u, 2u * column, params.quads, params.src_groups, params.in_width);
    let at = place(group, column, params.quads, params.dst_groups, params.width);
    let end = min((id.y + 1u) * POOL_QUADS, params.quads);
    for (var quad = id.y * POOL_QUADS; quad < end; quad++) {
        let scale = textureLoad(norm, vec2<u32>(quad, 0u));
        let shift = textureLoad(norm, vec2<u32>(quad, 1u));
        let sum = activated(vec2<u32>(upper.x, upper.y + quad), scale, shift)
            + activated(vec2<u32>(upper.x + 1u, upper.y + quad), scale, shift)
            + activated(vec2<u32>(lower.x, lower.y + quad), scale, shift)
            + activated(vec2<u32>(lower.x + 1u, lower.y + quad), scale, shift);
        textureStore(dst, vec2<u32>(at.x, at.y + quad), 0.25 * sum);
    }
}
