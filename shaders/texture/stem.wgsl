// The stem's convolution, with its batch norm folded in:
//
//     y[k, i, j] = max(b[k] + sum_{c, u, v} w[k, c, u, v] * x[c, S i + u - top, S j + v - left], floor)
//
// Pixels outside the image are 0, and so are the channels that fill its last quad. LANES lanes are one workgroup and, where
// they exchange weights, one subgroup. A lane computes a tile of output channels of LANE_PIXELS pixels that lie LANES apart,
// and the lanes share the weights that they load together.
//
// From Rust:
//     WORKGROUP_SIZE  LANES
//     LANES           lanes of a workgroup
//     LANE_PIXELS     pixels of a lane
//     PIXELS          pixels of a workgroup, LANES * LANE_PIXELS
//     TILE_QUADS      quads of output channels of a tile
//     ROW             texels of a row of weights: for each quad of a tile, four input channels

#import shared/tile32.wgsl
#import shared/panels.wgsl

struct Params {
    images: u32,
    height: u32,
    width: u32,
    in_quads: u32,      // C/4, rounded up
    in_groups: u32,     // image rows of a panel of the images
    in_height: u32,
    in_width: u32,
    kernel: u32,
    stride: u32,
    top: u32,
    left: u32,
    dst_quads: u32,     // K/4 of the whole destination tensor
    dst_groups: u32,    // image rows of a panel of the destination
    dst_offset: u32,    // first K/4 that is written
    write_quads: u32,   // K/4 that are written
    weight_tiles: u32,  // tiles of output channels of a panel of the weights
    floor: f32,
}

// Images have at most three channels.
override THREE: bool;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, C/4] rows of [W] of 4 channels
@group(0) @binding(2) var dst: texture_storage_2d<rgba32float, write>;    // [N, H, K/4] rows of [W] of 4 channels
@group(0) @binding(3) var weight: texture_storage_2d<rgba32float, read>;  // [K tiles, u, v, C/4 (+ 1)] rows of [quad, c] of 4 k

#import shared/matrices_loaded.wgsl if not SUBGROUP
#import shared/matrices_shuffled.wgsl if SUBGROUP
#import shared/weights32.wgsl
#import shared/weights32_three.wgsl
#import shared/store32.wgsl

// The window's upper left corner of one output pixel.
struct Corner {
    image: u32, // its first image row, counted through the batch
    y: u32,
    x: u32,
}

fn corner(pixel: u32) -> Corner {
    let group = pixel / params.width;
    // Above and left of the image these wrap around: one comparison covers both sides.
    return Corner(
        group / params.height * params.in_height,
        group % params.height * params.stride - params.top,
        pixel % params.width * params.stride - params.left,
    );
}

// A row of the window.
struct Row {
    at: vec2<u32>,  // the first quad of its image row
    x: u32,
    inside: bool,
}

fn window_row(at: Corner, u: u32) -> Row {
    let y = at.y + u;
    let group = at.image + min(y, params.in_height - 1u);
    return Row(place(group, 0u, params.in_quads, params.in_groups, params.in_width), at.x, y < params.in_height);
}

fn load(row: Row, v: u32, quad: u32) -> vec4<f32> {
    let x = row.x + v;
    let value = textureLoad(src, vec2<u32>(row.at.x + min(x, params.in_width - 1u), row.at.y + quad));
    return select(vec4<f32>(), value, row.inside && x < params.in_width);
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, lane: Lane) {
    let first = group.x * PIXELS + lane.index;
    let end = params.images * params.height * params.width;
    // Pixels past the end repeat the last one and are never stored.
    let last = end - 1u;
    let corner_a = corner(min(first, last));
    let corner_b = corner(min(first + LANES, last));
    let corner_c = corner(min(first + 2u * LANES, last));
    let corner_d = corner(min(first + 3u * LANES, last));
    let corner_e = corner(min(first + 4u * LANES, last));
    let corner_f = corner(min(first + 5u * LANES, last));
    let corner_g = corner(min(first + 6u * LANES, last));
    let rows = params.kernel * params.kernel * params.in_quads;
    var row = weight_row(group.y, rows + 1u);
    var tile = bias_tile(vec2<u32>(row.x, row.y + rows));
    for (var u = 0u; u < params.kernel; u++) {
        let a = window_row(corner_a, u);
        let b = window_row(corner_b, u);
        let c = window_row(corner_c, u);
        let d = window_row(corner_d, u);
        let e = window_row(corner_e, u);
        let f = window_row(corner_f, u);
        let g = window_row(corner_g, u);
        // Columns and quads in one loop: adapters that run lanes under a mask pay for all accumulators at the end of each.
        var v = 0u;
        var quad = 0u;
        for (var i = 0u; i < params.kernel * params.in_quads; i++) {
            let x = mat4x4<f32>(load(a, v, quad), load(b, v, quad), load(c, v, quad), load(d, v, quad));
            let r = mat3x4<f32>(load(e, v, quad), load(f, v, quad), load(g, v, quad));
            if (THREE) {
                let three = mat4x3<f32>(x[0].xyz, x[1].xyz, x[2].xyz, x[3].xyz);
                accumulate_three(&tile, lane.index, row, three, mat3x3<f32>(r[0].xyz, r[1].xyz, r[2].xyz));
            } else {
                accumulate(&tile, lane.index, row, x, r);
            }
            row.y += 1u;
            quad += 1u;
            let next = quad == params.in_quads;
            quad = select(quad, 0u, next);
            v += u32(next);
        }
    }
    store(group.y, first, end, tile, params.floor);
}
