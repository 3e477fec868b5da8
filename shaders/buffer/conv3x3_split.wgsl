// 3x3 convolution, one row and column of zeros around its input, written at a channel offset:
//
//     y[k, i, j] = sum_{c, u, v} w[k, c, u, v] * z[c, i + u - 1, j + v - 1]
//     z = x                                 where the bottleneck already holds its activation,
//     z = max(s[c] * x + t[c], 0)           where NORM: a plain layer's pre-activation. Padded places of z are 0, not t.
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
#import shared/conv3x3_params.wgsl

override NORM: bool;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H, W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H, W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [tiles of K, C/4, 3, 3, TILE_QUADS] of [c, k]
@group(0) @binding(4) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

#import shared/weights.wgsl
#import shared/conv3x3_load.wgsl
#import shared/gather_memory.wgsl if not SUBGROUP
#import shared/gather_shuffled.wgsl if SUBGROUP

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, lane: Lane) {
    let mine = part(role_of(lane));
    let quad = workgroup.y * QUADS;
    let image = workgroup.z;
    // Tiles past the last row have no rows to read, and are never stored.
    let y = (workgroup.x * TILES + mine.tile) / params.row_tiles;
    let x = (workgroup.x * TILES + mine.tile) % params.row_tiles * TILE_PIXELS;
    let first = first_matrix(quad, 3u * 3u * params.read_quads);
    var tile = Tile();
    var scale = vec4<f32>();
    var shift = vec4<f32>();
    for (var c = mine.slice; c < params.read_quads; c += SLICES) {
        if (NORM) {
            scale = norm[2u * c];
            shift = norm[2u * c + 1u];
        }
        for (var u = 0u; u < 3u; u++) {
            // One above row y + u, again to stay unsigned.
            if (y + u >= 1u && y + u <= params.height) {
                let row = ((image * params.src_quads + c) * params.height + y + u - 1u) * params.width;
                let w = first + (3u * c + u) * (3u * TILE_QUADS);
                let x0 = load(row, x, scale, shift);
                let x1 = load(row, x + 1u, scale, shift);
                let x2 = load(row, x + 2u, scale, shift);
                let x3 = load(row, x + 3u, scale, shift);
                let x4 = load(row, x + 4u, scale, shift);
                let x5 = load(row, x + 5u, scale, shift);
                accumulate(&tile, weights_at(w), mat4x4<f32>(x0, x1, x2, x3));
                accumulate(&tile, weights_at(w + TILE_QUADS), mat4x4<f32>(x1, x2, x3, x4));
                accumulate(&tile, weights_at(w + 2u * TILE_QUADS), mat4x4<f32>(x2, x3, x4, x5));
            }
        }
    }
    gather(lane, tile);
    for (var i = role_of(lane); i < SHARES; i += WORKGROUP_SIZE) {
        let share = share(i, SLOTS);
        let share_y = (workgroup.x * TILES + share.tile) / params.row_tiles;
        let share_x = (workgroup.x * TILES + share.tile) % params.row_tiles * TILE_PIXELS + share.pixel;
        let k = quad + share.quad;
        if (share_y < params.height && share_x < params.width && k < params.write_quads) {
            let row = (image * params.dst_quads + params.dst_offset + k) * params.height + share_y;
            dst[row * params.width + share_x] = share.sum;
        }
    }
}
