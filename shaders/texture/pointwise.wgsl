// 1x1 convolution with the pre-activation on load and the next layer's batch norm folded in:
//
//     y[k, p] = max(b[k] + sum_c w[k, c] * max(s[c] * x[c, p] + t[c], load_floor), store_floor)
//
// A floor of 0 is ReLU, a floor of the lowest f32 changes nothing.
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
    load_floor: f32,
    store_floor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, C/4] rows of [W] of 4 channels
@group(0) @binding(2) var dst: texture_storage_2d<rgba32float, write>;    // [N, H, K/4] rows of [W] of 4 channels
@group(0) @binding(3) var weight: texture_storage_2d<rgba32float, read>;  // [K tiles, C/4 + 1] rows of [quad, c] of 4 k
@group(0) @binding(4) var norm: texture_storage_2d<rgba32float, read>;    // [scale, shift] rows of [C/4] of 4 channels

#import shared/matrices_loaded.wgsl if not SUBGROUP
#import shared/matrices_shuffled.wgsl if SUBGROUP
#import shared/weights32.wgsl
#import shared/store32.wgsl

fn load(at: vec2<u32>, c: u32, scale: vec4<f32>, shift: vec4<f32>) -> vec4<f32> {
    let low = vec4<f32>(params.load_floor);
    return max(textureLoad(src, vec2<u32>(at.x, at.y + c)) * scale + shift, low);
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, lane: Lane) {
    // Tiles of output channels follow one another, so that they find the same pixels in the processor's caches.
    let linear = id.y * groups.x + id.x;
    let group = vec2<u32>(linear / groups.y, linear % groups.y);
    let first = group.x * PIXELS + lane.index;
    let end = params.images * params.height * params.width;
    // Pixels past the end repeat the last one and are never stored.
    let last = end - 1u;
    let a = source_place(min(first, last));
    let b = source_place(min(first + LANES, last));
    let c = source_place(min(first + 2u * LANES, last));
    let d = source_place(min(first + 3u * LANES, last));
    let e = source_place(min(first + 4u * LANES, last));
    let f = source_place(min(first + 5u * LANES, last));
    let g = source_place(min(first + 6u * LANES, last));

    var row = weight_row(group.y, params.read_quads + 1u);
    var tile = bias_tile(vec2<u32>(row.x, row.y + params.read_quads));
    for (var quad = 0u; quad < params.read_quads; quad++) {
        let scale = textureLoad(norm, vec2<u32>(quad, 0u));
        let shift = textureLoad(norm, vec2<u32>(quad, 1u));
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
    store(group.y, first, end, tile, params.store_floor);
}

fn source_place(pixel: u32) -> vec2<u32> {
    return place(pixel / params.width, pixel % params.width, params.src_quads, params.src_groups, params.width);
}
