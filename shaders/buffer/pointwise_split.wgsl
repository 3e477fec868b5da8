// 1x1 convolution with the pre-activation on load and the next layer's batch norm folded in:
//
//     y[k, p] = max(b[k] + sum_c w[k, c] * max(s[c] * x[c, p] + t[c], load_floor), store_floor)
//
// A floor of 0 is ReLU, a floor of the lowest f32 changes nothing.
//
// For GPUs and layers too small to fill them by pixels alone: a workgroup computes TILES tiles, and its SLICES split the
// sum over c.
//
// From Rust:
//     WORKGROUP_SIZE  SLICES * TILES
//     TILE_QUADS      quads of output channels whose weights lie together
//     TILE_PIXELS     pixels of a tile
//     PIXELS          pixels of a workgroup's tiles
//     QUADS           quads of output channels of a tile
//     SLICES          parts of a sum

#import shared/tile.wgsl
#import shared/packed_f32.wgsl if not F16
#import shared/packed_f16.wgsl if F16
#import shared/slices.wgsl
#import shared/pointwise_params.wgsl

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H*W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H*W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [tiles of K, C/4, TILE_QUADS] of [c, k]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;          // [K/4] of 4 channels
@group(0) @binding(5) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

#import shared/weights.wgsl
#import shared/pointwise_load.wgsl
#import shared/gather_memory.wgsl if not SUBGROUP
#import shared/gather_shuffled.wgsl if SUBGROUP

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, lane: Lane) {
    let mine = part(role_of(lane));
    let quad = workgroup.y * QUADS;
    let image = workgroup.z;
    let first = (workgroup.x * TILES + mine.tile) * TILE_PIXELS;
    let w = first_matrix(quad, params.read_quads);
    var tile = Tile();
    for (var c = mine.slice; c < params.read_quads; c += SLICES) {
        let row = (image * params.src_quads + c) * params.pixels;
        let x = load(row, first, norm[2u * c], norm[2u * c + 1u]);
        accumulate(&tile, weights_at(w + c * TILE_QUADS), x);
    }
    gather(lane, tile);
    for (var i = role_of(lane); i < SHARES; i += WORKGROUP_SIZE) {
        let share = share(i, SLOTS);
        let pixel = (workgroup.x * TILES + share.tile) * TILE_PIXELS + share.pixel;
        let k = quad + share.quad;
        if (pixel < params.pixels && k < params.write_quads) {
            let at = (image * params.dst_quads + params.dst_offset + k) * params.pixels + pixel;
            dst[at] = max(share.sum + bias[k], vec4<f32>(params.store_floor));
        }
    }
}
