// 3x3 convolution, one row and column of zeros around its input, written at a channel offset:
//
//     y[k, i, j] = sum_{c, u, v} w[k, c, u, v] * z[c, i + u - 1, j + v - 1]
//     z = x                                 where the bottleneck already holds its activation,
//     z = max(s[c] * x + t[c], 0)           where NORM: a plain layer's pre-activation. Padded places of z are 0, not t.
//
// For adapters whose workgroup memory gains nothing: everything stays in registers. An invocation computes two tiles, near
// and far, which are neighbours in a row of pixels.
//
// From Rust:
//     TILE_QUADS      quads of output channels whose weights lie together
//     TILE_PIXELS     pixels of a tile
//     PIXELS          pixels of an invocation
//     QUADS           quads of output channels of a tile
//     LOWEST          the lowest f32, a floor that changes nothing

#import shared/tile.wgsl
#import shared/packed_f32.wgsl if not F16
#import shared/packed_f16.wgsl if F16
#import shared/conv3x3_params.wgsl

override WORKGROUP_SIZE: u32;
override NORM: bool;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H, W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H, W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [tiles of K, C/4, 3, 3, TILE_QUADS] of [c, k]
@group(0) @binding(4) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

#import shared/weights.wgsl
#import shared/conv3x3_load.wgsl
#import shared/store.wgsl

fn store(image: u32, quad: u32, y: u32, x: u32, tile: Tile) {
    if (x >= params.width) {
        return;
    }
    let pixels = params.height * params.width;
    let base = (image * params.dst_quads + params.dst_offset + quad) * pixels + y * params.width + x;
    store_tile(base, pixels, params.write_quads - quad, params.width - x, tile, LOWEST);
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = id.x / params.row_tiles;
    let x = (id.x % params.row_tiles) * PIXELS;
    let quad = id.y * QUADS;
    let image = id.z;
    if (y >= params.height) {
        return;
    }
    var near = Tile();
    var far = Tile();
    let pixels = params.height * params.width;
    var plane = image * params.src_quads * pixels;
    var scale = vec4<f32>();
    var shift = vec4<f32>();
    let first = first_matrix(quad, 3u * 3u * params.read_quads);
    for (var c = 0u; c < params.read_quads; c++) {
        if (NORM) {
            scale = norm[2u * c];
            shift = norm[2u * c + 1u];
        }
        for (var u = 0u; u < 3u; u++) {
            // One above row y + u, again to stay unsigned.
            if (y + u >= 1u && y + u <= params.height) {
                let row = plane + (y + u - 1u) * params.width;
                let w = first + (3u * c + u) * (3u * TILE_QUADS);
                let x0 = load(row, x, scale, shift);
                let x1 = load(row, x + 1u, scale, shift);
                let x2 = load(row, x + 2u, scale, shift);
                let x3 = load(row, x + 3u, scale, shift);
                let x4 = load(row, x + 4u, scale, shift);
                let x5 = load(row, x + 5u, scale, shift);
                let x6 = load(row, x + 6u, scale, shift);
                let x7 = load(row, x + 7u, scale, shift);
                let x8 = load(row, x + 8u, scale, shift);
                let x9 = load(row, x + 9u, scale, shift);
                let left = weights_at(w);
                accumulate(&near, left, mat4x4<f32>(x0, x1, x2, x3));
                accumulate(&far, left, mat4x4<f32>(x4, x5, x6, x7));
                let middle = weights_at(w + TILE_QUADS);
                accumulate(&near, middle, mat4x4<f32>(x1, x2, x3, x4));
                accumulate(&far, middle, mat4x4<f32>(x5, x6, x7, x8));
                let right = weights_at(w + 2u * TILE_QUADS);
                accumulate(&near, right, mat4x4<f32>(x2, x3, x4, x5));
                accumulate(&far, right, mat4x4<f32>(x6, x7, x8, x9));
            }
        }
        plane += pixels;
    }
    store(image, quad, y, x, near);
    store(image, quad, y, x + TILE_PIXELS, far);
}
