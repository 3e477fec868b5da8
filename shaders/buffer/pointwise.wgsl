// 1x1 convolution with the pre-activation on load and the next layer's batch norm folded in:
//
//     y[k, p] = max(b[k] + sum_c w[k, c] * max(s[c] * x[c, p] + t[c], load_floor), store_floor)
//
// A floor of 0 is ReLU, the lowest number is the identity. For adapters without workgroup memory to speak of: everything
// stays in registers. One invocation computes 16 output channels of 8 pixels.

#import shared/tile.wgsl
#import shared/packed.wgsl

struct Params {
    pixels: u32,        // H * W
    src_quads: u32,     // C/4 of the whole source tensor
    read_quads: u32,    // C/4 that are read
    dst_quads: u32,     // K/4 of the whole destination tensor
    dst_offset: u32,    // first K/4 that is written
    write_quads: u32,   // K/4 that are written
    load_floor: f32,
    store_floor: f32,
}

override WORKGROUP_SIZE: u32 = 8u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H*W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H*W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [K/16, C/4, 4] of [c, k]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;          // [K/4] of 4 channels
@group(0) @binding(5) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

#import shared/weights.wgsl
#import shared/store.wgsl

// Four input channels of four pixels, pre-activated. Pixels past the end repeat the last one and are never stored.
fn load(row: u32, pixel: u32, scale: vec4<f32>, shift: vec4<f32>) -> mat4x4<f32> {
    let last = params.pixels - 1u;
    let low = vec4<f32>(params.load_floor);
    return mat4x4<f32>(
        max(src[row + min(pixel, last)] * scale + shift, low),
        max(src[row + min(pixel + 1u, last)] * scale + shift, low),
        max(src[row + min(pixel + 2u, last)] * scale + shift, low),
        max(src[row + min(pixel + 3u, last)] * scale + shift, low),
    );
}

fn store(image: u32, group: u32, pixel: u32, tile: Tile) {
    if (pixel >= params.pixels) {
        return;
    }
    let quad = group * 4u;
    let base = (image * params.dst_quads + params.dst_offset + quad) * params.pixels + pixel;
    store_tile(base, params.pixels, params.write_quads - quad, params.pixels - pixel, tile, params.store_floor);
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixel = id.x * 8u;
    let group = id.y;
    let image = id.z;
    if (pixel >= params.pixels) {
        return;
    }
    let b = group * 4u;
    var near = Tile(splat(bias[b]), splat(bias[b + 1u]), splat(bias[b + 2u]), splat(bias[b + 3u]));
    var far = near;
    var row = image * params.src_quads * params.pixels;
    var w = group * params.read_quads * 4u;
    for (var c = 0u; c < params.read_quads; c++) {
        let scale = norm[2u * c];
        let shift = norm[2u * c + 1u];
        let weights = weights_at(w);
        accumulate(&near, weights, load(row, pixel, scale, shift));
        accumulate(&far, weights, load(row, pixel + 4u, scale, shift));
        row += params.pixels;
        w += 4u;
    }
    store(image, group, pixel, near);
    store(image, group, pixel + 4u, far);
}
