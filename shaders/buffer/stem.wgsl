// The stem's convolution, from planar images, with its batch norm folded in:
//
//     y[k, i, j] = max(b[k] + sum_{c, u, v} w[k, c, u, v] * x[c, S i + u - top, S j + v - left], floor)
//
// Pixels outside the image are 0. An invocation computes one tile of neighbouring pixels of a row. An input value meets a
// quad of weights in an outer product, since images have too few channels to load four at a time.
//
// From Rust:
//     QUADS           quads of output channels of a tile
//     TILE_PIXELS     pixels of a tile

#import shared/tile.wgsl
#import shared/packed_f32.wgsl if not F16
#import shared/packed_f16.wgsl if F16

struct Params {
    in_channels: u32,
    in_height: u32,
    in_width: u32,
    height: u32,
    width: u32,
    row_tiles: u32,     // invocations that share a row
    kernel: u32,
    stride: u32,
    top: u32,
    left: u32,
    dst_quads: u32,     // K/4 of the whole destination tensor
    write_quads: u32,   // K/4 that are written, from the first on
    floor: f32,
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;                 // [N, C, H, W]
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H, W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [tiles of K, C, kernel, kernel] of [quad, k]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;          // [K/4] of 4 channels

#import shared/bias.wgsl
#import shared/store.wgsl

fn load(row: u32, x: u32) -> f32 {
    // x counts from the left padding: below it wraps around, so that one comparison covers both sides.
    let column = x - params.left;
    return select(0.0, src[row + min(column, params.in_width - 1u)], column < params.in_width);
}

fn outer(w: vec4<f32>, x: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(w * x.x, w * x.y, w * x.z, w * x.w);
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = id.x / params.row_tiles;
    let x = (id.x % params.row_tiles) * TILE_PIXELS;
    let group = id.y;
    let image = id.z;
    if (y >= params.height) {
        return;
    }
    let b = group * QUADS;
    var tile = biased(b);
    var w = group * params.in_channels * params.kernel * params.kernel;
    for (var c = 0u; c < params.in_channels; c++) {
        let plane = (image * params.in_channels + c) * params.in_height * params.in_width;
        for (var u = 0u; u < params.kernel; u++) {
            let in_row = y * params.stride + u - params.top;
            if (in_row < params.in_height) {
                let row = plane + in_row * params.in_width;
                for (var v = 0u; v < params.kernel; v++) {
                    let column = x * params.stride + v;
                    let values = vec4<f32>(
                        load(row, column),
                        load(row, column + params.stride),
                        load(row, column + 2u * params.stride),
                        load(row, column + 3u * params.stride),
                    );
                    let weights = unpack(weight[w + v]);
#each q                     tile.q{q} += outer(weights[{q}], values);
                }
            }
            w += params.kernel;
        }
    }
    let pixels = params.height * params.width;
    let base = (image * params.dst_quads + b) * pixels + y * params.width + x;
    store_tile(base, pixels, params.write_quads - b, params.width - x, tile, params.floor);
}
