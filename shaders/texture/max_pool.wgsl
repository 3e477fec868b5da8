// Max pooling. Places outside the input never win:
//
//     y[c, i, j] = max_{u, v} x[c, S i + u - top, S j + v - left]
//
// From Rust:
//     WORKGROUP_SIZE  pixels of a workgroup
//     POOL_QUADS      quads of channels of an invocation: they share the arithmetic of places
//     LOWEST          the lowest f32

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

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, C/4] rows of [W] of 4 channels
@group(0) @binding(2) var dst: texture_storage_2d<rgba32float, write>;    // [N, H, C/4] rows of [W] of 4 channels

// The best so far of POOL_QUADS quads of channels. Named, never an array indexed by a loop.
struct Best {
    q0: vec4<f32>,
    q1: vec4<f32>,
    q2: vec4<f32>,
    q3: vec4<f32>,
    q4: vec4<f32>,
    q5: vec4<f32>,
    q6: vec4<f32>,
    q7: vec4<f32>,
}

fn larger(sofar: vec4<f32>, at: vec2<u32>, quad: u32, inside: bool) -> vec4<f32> {
    // Quads past the end repeat the last one and are never stored.
    let value = textureLoad(src, vec2<u32>(at.x, at.y + min(quad, params.quads - 1u)));
    return select(sofar, max(sofar, value), inside);
}

fn store(at: vec2<u32>, quad: u32, value: vec4<f32>) {
    if (quad < params.quads) {
        textureStore(dst, vec2<u32>(at.x, at.y + quad), value);
    }
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.images * params.height * params.width) {
        return;
    }
    let group = id.x / params.width;
    let top = group % params.height * params.stride - params.top;
    let left = id.x % params.width * params.stride - params.left;
    let image = group / params.height * params.in_height;
    let quad = id.y * POOL_QUADS;
    let low = vec4<f32>(LOWEST);
    var best = Best(low, low, low, low, low, low, low, low);
    for (var u = 0u; u < params.kernel; u++) {
        // Rows and columns before the first wrap around to large numbers: one comparison covers both sides.
        let y = top + u;
        let row = place(image + min(y, params.in_height - 1u), 0u, params.src_quads, params.src_groups, params.in_width);
        for (var v = 0u; v < params.kernel; v++) {
            let x = left + v;
            let inside = y < params.in_height && x < params.in_width;
            let at = vec2<u32>(row.x + min(x, params.in_width - 1u), row.y);
            best.q0 = larger(best.q0, at, quad, inside);
            best.q1 = larger(best.q1, at, quad + 1u, inside);
            best.q2 = larger(best.q2, at, quad + 2u, inside);
            best.q3 = larger(best.q3, at, quad + 3u, inside);
            best.q4 = larger(best.q4, at, quad + 4u, inside);
            best.q5 = larger(best.q5, at, quad + 5u, inside);
            best.q6 = larger(best.q6, at, quad + 6u, inside);
            best.q7 = larger(best.q7, at, quad + 7u, inside);
        }
    }
    let to = place(group, id.x % params.width, params.dst_quads, params.dst_groups, params.width);
    store(to, quad, best.q0);
    store(to, quad + 1u, best.q1);
    store(to, quad + 2u, best.q2);
    store(to, quad + 3u, best.q3);
    store(to, quad + 4u, best.q4);
    store(to, quad + 5u, best.q5);
    store(to, quad + 6u, best.q6);
    store(to, quad + 7u, best.q7);
}
