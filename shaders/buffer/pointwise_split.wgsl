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
//     TILE_QUADS      quads of output channels of a tile
//     TILE_PIXELS     pixels of a tile
//     SLICES          parts of a sum
//     TILES           tiles of a workgroup, of neighbouring pixels

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
    let group = workgroup.y;
    let image = workgroup.z;
    let first = (workgroup.x * TILES + mine.tile) * TILE_PIXELS;
    var tile = Tile();
    for (var c = mine.slice; c < params.read_quads; c += SLICES) {
        let row = (image * params.src_quads + c) * params.pixels;
        let x = load(row, first, norm[2u * c], norm[2u * c + 1u]);
        accumulate(&tile, weights_at((group * params.read_quads + c) * TILE_QUADS), x);
    }
    let share = gather(lane, tile);
    let pixel = (workgroup.x * TILES + share.tile) * TILE_PIXELS + share.pixel;
    let quad = group * TILE_QUADS + share.quad;
    if (pixel < params.pixels && quad < params.write_quads) {
        let at = (image * params.dst_quads + params.dst_offset + quad) * params.pixels + pixel;
        dst[at] = max(share.sum + bias[quad], vec4<f32>(params.store_floor));
    }
}
