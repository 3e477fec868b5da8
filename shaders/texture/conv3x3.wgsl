// 3x3 convolution, one row and column of zeros around its input, written at a channel offset:
//
//     y[k, i, j] = sum_{c, u, v} w[k, c, u, v] * z[c, i + u - 1, j + v - 1]
//     z = x                                 where the bottleneck already holds its activation,
//     z = max(s[c] * x + t[c], 0)           where NORM: a plain layer's pre-activation. Padded places of z are 0, not t.
//
// LANES lanes are one workgroup and, where they exchange weights, one subgroup. A lane computes a tile of output channels of
// LANE_PIXELS pixels that lie LANES apart, and the lanes share the weights that they load together.
//
// From Rust:
//     WORKGROUP_SIZE  LANES
//     LANES           lanes of a workgroup
//     LANE_PIXELS     pixels of a lane
//     PIXELS          pixels of a workgroup, LANES * LANE_PIXELS
//     TILE_QUADS      quads of output channels of a tile
//     ROW             texels of a row of weights: for each quad of a tile, four input channels
//     LOWEST          the lowest f32, a floor that changes nothing

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
    weight_tiles: u32,  // tiles of output channels of a panel of the weights
}

override NORM: bool;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, C/4] rows of [W] of 4 channels
@group(0) @binding(2) var dst: texture_storage_2d<rgba32float, write>;    // [N, H, K/4] rows of [W] of 4 channels
@group(0) @binding(3) var weight: texture_storage_2d<rgba32float, read>;  // [K tiles, 3, 3, C/4] rows of [quad, c] of 4 k
@group(0) @binding(4) var norm: texture_storage_2d<rgba32float, read>;    // [scale, shift] rows of [C/4] of 4 channels

#import shared/matrices_loaded.wgsl if not SUBGROUP
#import shared/matrices_shuffled.wgsl if SUBGROUP
#import shared/weights32.wgsl
#import shared/store32.wgsl

struct Pixel {
    group: u32,         // its image row, counted through the batch
    y: u32,
    x: u32,
}

fn pixel(index: u32) -> Pixel {
    let group = index / params.width;
    return Pixel(group, group % params.height, index - group * params.width);
}

// One of the three image rows around a pixel.
struct Row {
    at: vec2<u32>,      // of its first quad
    x: u32,             // the pixel's
    inside: bool,       // whether it exists
}

fn image_row(p: Pixel, u: u32) -> Row {
    // One row further than meant, to stay unsigned.
    let y = p.y + u;
    let inside = y >= 1u && y <= params.height;
    // What does not exist is read from the pixel itself, and then replaced by 0.
    let group = select(p.group, p.group + u - 1u, inside);
    return Row(place(group, 0u, params.src_quads, params.src_groups, params.width), p.x, inside);
}

// A pixel's neighbour in the source.
struct Neighbour {
    at: vec2<u32>,      // of its first quad
    inside: bool,       // whether it exists
}

fn neighbour(row: Row, v: u32) -> Neighbour {
    // One column further than meant.
    let x = row.x + v;
    let inside = row.inside && x >= 1u && x <= params.width;
    return Neighbour(vec2<u32>(row.at.x + select(row.x, x - 1u, inside), row.at.y), inside);
}

fn load(n: Neighbour, c: u32, scale: vec4<f32>, shift: vec4<f32>) -> vec4<f32> {
    var value = textureLoad(src, vec2<u32>(n.at.x, n.at.y + c));
    if (NORM) {
        value = max(value * scale + shift, vec4<f32>());
    }
    return select(vec4<f32>(), value, n.inside);
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, lane: Lane) {
    let first = group.x * PIXELS + lane.index;
    let end = params.images * params.height * params.width;
    // Pixels past the end repeat the last one and are never stored.
    let last = end - 1u;
    let pixel_a = pixel(min(first, last));
    let pixel_b = pixel(min(first + LANES, last));
    let pixel_c = pixel(min(first + 2u * LANES, last));
    let pixel_d = pixel(min(first + 3u * LANES, last));
    let pixel_e = pixel(min(first + 4u * LANES, last));
    let pixel_f = pixel(min(first + 5u * LANES, last));
    let pixel_g = pixel(min(first + 6u * LANES, last));
    var tile = Tile();
    var row = weight_row(group.y, params.read_quads * (3u * 3u));
    var scale = vec4<f32>();
    var shift = vec4<f32>();
    for (var u = 0u; u < 3u; u++) {
        let row_a = image_row(pixel_a, u);
        let row_b = image_row(pixel_b, u);
        let row_c = image_row(pixel_c, u);
        let row_d = image_row(pixel_d, u);
        let row_e = image_row(pixel_e, u);
        let row_f = image_row(pixel_f, u);
        let row_g = image_row(pixel_g, u);
        for (var v = 0u; v < 3u; v++) {
            let a = neighbour(row_a, v);
            let b = neighbour(row_b, v);
            let c = neighbour(row_c, v);
            let d = neighbour(row_d, v);
            let e = neighbour(row_e, v);
            let f = neighbour(row_f, v);
            let g = neighbour(row_g, v);
            for (var quad = 0u; quad < params.read_quads; quad++) {
                if (NORM) {
                    scale = textureLoad(norm, vec2<u32>(quad, 0u));
                    shift = textureLoad(norm, vec2<u32>(quad, 1u));
                }
                let x = mat4x4<f32>(
                    load(a, quad, scale, shift),
                    load(b, quad, scale, shift),
                    load(c, quad, scale, shift),
                    load(d, quad, scale, shift),
                );
                let r = mat3x4<f32>(
                    load(e, quad, scale, shift),
                    load(f, quad, scale, shift),
                    load(g, quad, scale, shift),
                );
                accumulate(&tile, lane.index, row, x, r);
                row.y += 1u;
            }
        }
    }
    store(group.y, first, end, tile, LOWEST);
}
