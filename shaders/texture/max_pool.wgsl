// Max pooling; places outside the input never win:
//
//     y[c, i, j] = max_{u, v} x[c, S i + u - top, S j + v - left]

#import shared/panels.wgsl

struct Params {
    images: u32,
    height: u32,
    width: u32,
    in_height: u32,
    in_width: u32,
    kernel: u32,
    stride: u32,
    top: u32,
    left: u32,
    src_quads: u32,     // C/4 of the whole source tensor
    src_groups: u32,    // image rows of a panel of the source
    dst_quads: u32,     // C/4 of the whole destination tensor
    dst_groups: u32,    // image rows of a panel of the destination
    quads: u32,         // C/4 that are pooled
}

// Quads of channels of an invocation: they share the arithmetic of places.
const QUADS: u32 = 8u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, C/4] rows of [W] of 4 channels
@group(0) @binding(2) var dst: texture_storage_2d<rgba32float, write>;    // [N, H, C/4] rows of [W] of 4 channels

@compute @workgroup_size(8, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.images * params.height * params.width) {
        return;
    }
    let group = id.x / params.width;
    let top = group % params.height * params.stride - params.top;
    let left = id.x % params.width * params.stride - params.left;
    let image = group / params.height * params.in_height;
    let at = place(group, id.x % params.width, params.dst_quads, params.dst_groups, params.width);
    let begin = id.y * QUADS;
    let end = min(begin + QUADS, params.quads);
    var best: array<vec4<f32>, QUADS>;
    for (var i = 0u; i < QUADS; i++) {
        best[i] = vec4<f32>(-3.40282347e38);
    }
    for (var u = 0u; u < params.kernel; u++) {
        // Rows and columns before the first wrap around to large numbers: one comparison covers both sides.
        let y = top + u;
        let row = place(image + min(y, params.in_height - 1u), 0u, params.src_quads, params.src_groups, params.in_width);
        for (var v = 0u; v < params.kernel; v++) {
            let x = left + v;
            let inside = y < params.in_height && x < params.in_width;
            let column = row.x + min(x, params.in_width - 1u);
            for (var quad = begin; quad < end; quad++) {
                let value = textureLoad(src, vec2<u32>(column, row.y + quad));
                let sofar = best[quad - begin];
                best[quad - begin] = select(sofar, max(sofar, value), inside);
            }
        }
    }
    for (var quad = begin; quad < end; quad++) {
        textureStore(dst, vec2<u32>(at.x, at.y + quad), best[quad - begin]);
    }
}
