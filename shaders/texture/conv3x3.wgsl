// 3x3 convolution, one row and column of zeros around its input, written at a channel offset:
//
//     y[k, i, j] = sum_{c, u, v} w[k, c, u, v] * z[c, i + u - 1, j + v - 1]
//     z = x                                 where the bottleneck already holds its activation,
//     z = max(s[c] * x + t[c], 0)           where NORM: a plain layer's pre-activation. Padded places of z are 0, not t.
//
// Eight lanes are one workgroup and one subgroup; a lane computes 32 output channels of 4 pixels that lie 8 apart, and the
// lanes share the weights that they load together.

#import shared/tile32.wgsl
#import shared/panels.wgsl

struct Params {
    images: u32,
    height: u32,
    width: u32,
    src_quads: u32,     // C/4 of the whole source tensor
    src_groups: u32,    // image rows of a panel of the source
    read_quads: u32,    // C/4 that are read
    dst_quads: u32,     // K/4 of the whole destination tensor
    dst_groups: u32,    // image rows of a panel of the destination
    dst_offset: u32,    // first K/4 that is written
    write_quads: u32,   // K/4 that are written
    weight_tiles: u32,  // tiles of 32 output channels of a panel of the weights
}

override NORM: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, C/4] rows of [W] of 4 channels
@group(0) @binding(2) var dst: texture_storage_2d<rgba32float, write>;    // [N, H, K/4] rows of [W] of 4 channels
@group(0) @binding(3) var weight: texture_storage_2d<rgba32float, read>;  // [K/32, 3, C/4, 3] rows of [K/4, c] of 4 k
@group(0) @binding(4) var norm: texture_storage_2d<rgba32float, read>;    // [scale, shift] rows of [C/4] of 4 channels

#import shared/matrices.wgsl
#import shared/weights32.wgsl
#import shared/store32.wgsl

const IDENTITY: f32 = -3.40282347e38;

// One pixel's place in the source, moved by a row.
struct Place {
    at: vec2<u32>,      // of column 0 of its row
    column: u32,
    inside: bool,       // whether that row exists
}

fn row_place(pixel: u32, u: u32) -> Place {
    let group = pixel / params.width;
    // One below row y + u - 1, to stay unsigned.
    let y = group % params.height + u;
    let inside = y >= 1u && y <= params.height;
    let moved = select(group, group + u - 1u, inside);
    return Place(
        place(moved, 0u, params.src_quads, params.src_groups, params.width),
        pixel % params.width,
        inside,
    );
}

fn load(p: Place, v: u32, c: u32, scale: vec4<f32>, shift: vec4<f32>) -> vec4<f32> {
    // Below column 0 this wraps around: one comparison covers both sides.
    let column = p.column + v - 1u;
    let inside = p.inside && column < params.width;
    var value = textureLoad(src, vec2<u32>(p.at.x + min(column, params.width - 1u), p.at.y + c));
    if (NORM) {
        value = max(value * scale + shift, vec4<f32>());
    }
    return select(vec4<f32>(), value, inside);
}

@compute @workgroup_size(8, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, lane: Lane) {
    let first = group.x * 32u + lane.index;
    let end = params.images * params.height * params.width;
    // Pixels past the end repeat the last one and are never stored.
    let last = end - 1u;
    var tile = Tile();
    var row = weight_row(group.y, params.read_quads * 9u);
    var scale = vec4<f32>();
    var shift = vec4<f32>();
    for (var u = 0u; u < 3u; u++) {
        let a = row_place(min(first, last), u);
        let b = row_place(min(first + 8u, last), u);
        let c = row_place(min(first + 16u, last), u);
        let d = row_place(min(first + 24u, last), u);
        for (var quad = 0u; quad < params.read_quads; quad++) {
            if (NORM) {
                scale = textureLoad(norm, vec2<u32>(quad, 0u));
                shift = textureLoad(norm, vec2<u32>(quad, 1u));
            }
            for (var v = 0u; v < 3u; v++) {
                let x = mat4x4<f32>(
                    load(a, v, quad, scale, shift),
                    load(b, v, quad, scale, shift),
                    load(c, v, quad, scale, shift),
                    load(d, v, quad, scale, shift),
                );
                accumulate(&tile, lane.index, row, x);
                row.y += 1u;
            }
        }
    }
    store(group.y, first, end, tile, IDENTITY);
}
