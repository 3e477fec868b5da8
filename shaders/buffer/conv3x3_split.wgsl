// 3x3 convolution, one row and column of zeros around its input, written at a channel offset:
//
//     y[k, i, j] = sum_{c, u, v} w[k, c, u, v] * z[c, i + u - 1, j + v - 1]
//     z = x                                 where the bottleneck already holds its activation,
//     z = max(s[c] * x + t[c], 0)           where NORM: a plain layer's pre-activation. Padded places of z are 0, not t.
//
// For GPUs and layers too small to fill them by pixels alone: the sum over c is split over the 16 slices of a workgroup,
// which computes 16 output channels of 4 tiles of 4 neighbouring pixels of a row.

#import shared/tile.wgsl
#import shared/packed.wgsl
#import shared/slices.wgsl

struct Params {
    height: u32,
    width: u32,
    row_tiles: u32,     // tiles of 4 pixels that share a row
    src_quads: u32,     // C/4 of the whole source tensor
    read_quads: u32,    // C/4 that are read
    dst_quads: u32,     // K/4 of the whole destination tensor
    dst_offset: u32,    // first K/4 that is written
    write_quads: u32,   // K/4 that are written
}

override NORM: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H, W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H, W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [K/16, C/4, 3, 3, 4] of [c, k]
@group(0) @binding(4) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

#import shared/weights.wgsl
#import shared/gather.wgsl

// Four input channels of the pixel one left of column `x`, so that unsigned numbers suffice; zero outside the row.
fn load(row: u32, x: u32, c: u32) -> vec4<f32> {
    let inside = x >= 1u && x <= params.width;
    var value = src[row + clamp(x, 1u, params.width) - 1u];
    if (NORM) {
        value = max(value * norm[2u * c] + norm[2u * c + 1u], vec4<f32>());
    }
    return select(vec4<f32>(), value, inside);
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, lane: Lane) {
    let mine = part(role_of(lane));
    let group = workgroup.y;
    let image = workgroup.z;
    // Tiles past the last row have no rows to read, and are never stored.
    let y = (workgroup.x * 4u + mine.tile) / params.row_tiles;
    let x = (workgroup.x * 4u + mine.tile) % params.row_tiles * 4u;
    var tile = Tile();
    for (var c = mine.slice; c < params.read_quads; c += SLICES) {
        for (var u = 0u; u < 3u; u++) {
            // One above row y + u, again to stay unsigned.
            if (y + u >= 1u && y + u <= params.height) {
                let row = ((image * params.src_quads + c) * params.height + y + u - 1u) * params.width;
                let w = ((group * params.read_quads + c) * 3u + u) * 12u;
                let x0 = load(row, x, c);
                let x1 = load(row, x + 1u, c);
                let x2 = load(row, x + 2u, c);
                let x3 = load(row, x + 3u, c);
                let x4 = load(row, x + 4u, c);
                let x5 = load(row, x + 5u, c);
                accumulate(&tile, weights_at(w), mat4x4<f32>(x0, x1, x2, x3));
                accumulate(&tile, weights_at(w + 4u), mat4x4<f32>(x1, x2, x3, x4));
                accumulate(&tile, weights_at(w + 8u), mat4x4<f32>(x2, x3, x4, x5));
            }
        }
    }
    let share = gather(lane, tile);
    let share_y = (workgroup.x * 4u + share.tile) / params.row_tiles;
    let share_x = (workgroup.x * 4u + share.tile) % params.row_tiles * 4u + share.pixel;
    let quad = group * 4u + share.quad;
    if (share_y < params.height && share_x < params.width && quad < params.write_quads) {
        let row = (image * params.dst_quads + params.dst_offset + quad) * params.height + share_y;
        dst[row * params.width + share_x] = share.sum;
    }
}
