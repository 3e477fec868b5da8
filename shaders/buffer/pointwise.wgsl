// 1x1 convolution with the pre-activation on load and the next layer's batch norm folded in:
//
//     y[k, p] = max(b[k] + sum_c w[k, c] * max(s[c] * x[c, p] + t[c], load_floor), store_floor)
//
// A floor of 0 is ReLU, a floor of the lowest f32 changes nothing.
//
// For adapters whose workgroup memory gains nothing: everything stays in registers. An invocation computes two tiles, near
// and far, of neighbouring pixels.
//
// From Rust:
//     TILE_QUADS      quads of output channels whose weights lie together
//     TILE_PIXELS     pixels of a tile
//     PIXELS          pixels of an invocation
//     QUADS           quads of output channels of a tile

#import shared/tile.wgsl
#import shared/packed_f32.wgsl if not F16
#import shared/packed_f16.wgsl if F16
#import shared/pointwise_params.wgsl

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H*W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H*W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [tiles of K, C/4, TILE_QUADS] of [c, k]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;          // [K/4] of 4 channels
@group(0) @binding(5) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

#import shared/weights.wgsl
#import shared/bias.wgsl
#import shared/pointwise_load.wgsl
#import shared/store.wgsl

fn store(image: u32, quad: u32, pixel: u32, tile: Tile) {
    if (pixel >= params.pixels) {
        return;
    }
    let base = (image * params.dst_quads + params.dst_offset + quad) * params.pixels + pixel;
    store_tile(base, params.pixels, params.write_quads - quad, params.pixels - pixel, tile, params.store_floor);
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixel = id.x * PIXELS;
    let quad = id.y * QUADS;
    let image = id.z;
    if (pixel >= params.pixels) {
        return;
    }
    var near = biased(quad);
    var far = near;
    var row = image * params.src_quads * params.pixels;
    var w = first_matrix(quad, params.read_quads);
    for (var c = 0u; c < params.read_quads; c++) {
        let scale = norm[2u * c];
        let shift = norm[2u * c + 1u];
        let weights = weights_at(w);
        accumulate(&near, weights, load(row, pixel, scale, shift));
        accumulate(&far, weights, load(row, pixel + TILE_PIXELS, scale, shift));
        row += params.pixels;
        w += TILE_QUADS;
    }
    store(image, quad, pixel, near);
    store(image, quad, pixel + TILE_PIXELS, far);
}
