// 3x3 convolution, one row and column of zeros around its input, written at a channel offset:
//
//     y[k, i, j] = sum_{c, u, v} w[k, c, u, v] * z[c, i + u - 1, j + v - 1]
//     z = x                                 where the bottleneck already holds its activation,
//     z = max(s[c] * x + t[c], 0)           where NORM: a plain layer's pre-activation. Padded places of z are 0, not t.
//
// For adapters without workgroup memory to speak of: everything stays in registers. One invocation computes 16 output
// channels of 8 neighbouring pixels of a row.

#import shared/tile.wgsl
#import shared/packed.wgsl

struct Params {
    height: u32,
    width: u32,
    row_tiles: u32,     // invocations that share a row
    src_quads: u32,     // C/4 of the whole source tensor
    read_quads: u32,    // C/4 that are read
    dst_quads: u32,     // K/4 of the whole destination tensor
    dst_offset: u32,    // first K/4 that is written
    write_quads: u32,   // K/4 that are written
}

override WORKGROUP_SIZE: u32 = 8u;
override NORM: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H, W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H, W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [K/16, C/4, 3, 3, 4] of [c, k]
@group(0) @binding(4) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

#import shared/weights.wgsl
#import shared/store.wgsl

const IDENTITY: f32 = -3.40282347e38;

// Four input channels of the pixel one left of column `x`, so that unsigned numbers suffice; zero outside the row.
fn load(row: u32, x: u32, scale: vec4<f32>, shift: vec4<f32>) -> vec4<f32> {
    let inside = x >= 1u && x <= params.width;
    var value = src[row + clamp(x, 1u, params.width) - 1u];
    if (NORM) {
        value = max(value * scale + shift, vec4<f32>());
    }
    return select(vec4<f32>(), value, inside);
}

fn store(image: u32, group: u32, y: u32, x: u32, tile: Tile) {
    if (x >= params.width) {
        return;
    }
    let quad = group * 4u;
    let pixels = params.height * params.width;
    let base = (image * params.dst_quads + params.dst_offset + quad) * pixels + y * params.width + x;
    store_tile(base, pixels, params.write_quads - quad, params.width - x, tile, IDENTITY);
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = id.x / params.row_tiles;
    let x = (id.x % params.row_tiles) * 8u;
    let group = id.y;
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
    for (var c = 0u; c < params.read_quads; c++) {
        if (NORM) {
            scale = norm[2u * c];
            shift = norm[2u * c + 1u];
        }
        for (var u = 0u; u < 3u; u++) {
            // One above row y + u, again to stay unsigned.
            if (y + u >= 1u && y + u <= params.height) {
                let row = plane + (y + u - 1u) * params.width;
                let w = ((group * params.read_quads + c) * 3u + u) * 12u;
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
                let middle = weights_at(w + 4u);
                accumulate(&near, middle, mat4x4<f32>(x1, x2, x3, x4));
                accumulate(&far, middle, mat4x4<f32>(x5, x6, x7, x8));
                let right = weights_at(w + 8u);
                accumulate(&near, right, mat4x4<f32>(x2, x3, x4, x5));
                accumulate(&far, right, mat4x4<f32>(x6, x7, x8, x9));
            }
        }
        plane += pixels;
    }
    store(image, group, y, x, near);
    store(image, group, y, x + 4u, far);
}
