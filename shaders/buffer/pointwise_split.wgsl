// 1x1 convolution with the pre-activation on load and the next layer's batch norm folded in:
//
//     y[k, p] = max(b[k] + sum_c w[k, c] * max(s[c] * x[c, p] + t[c], load_floor), store_floor)
//
// A floor of 0 is ReLU, the lowest number is the identity. For GPUs and layers too small to fill them by pixels alone: the
// sum over c is split over the 16 slices of a workgroup, which computes 16 output channels of 16 pixels.

#import shared/tile.wgsl
#import shared/packed.wgsl
#import shared/slices.wgsl

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

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H*W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H*W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [K/16, C/4, 4] of [c, k]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;          // [K/4] of 4 channels
@group(0) @binding(5) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

#import shared/weights.wgsl
#import shared/gather.wgsl

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

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, lane: Lane) {
    let mine = part(role_of(lane));
    let group = workgroup.y;
    let image = workgroup.z;
    let first = (workgroup.x * 4u + mine.tile) * 4u;
    var tile = Tile();
    for (var c = mine.slice; c < params.read_quads; c += SLICES) {
        let row = (image * params.src_quads + c) * params.pixels;
        let x = load(row, first, norm[2u * c], norm[2u * c + 1u]);
        accumulate(&tile, weights_at((group * params.read_quads + c) * 4u), x);
    }
    let share = gather(lane, tile);
    let pixel = (workgroup.x * 4u + share.tile) * 4u + share.pixel;
    let quad = group * 4u + share.quad;
    if (pixel < params.pixels && quad < params.write_quads) {
        let at = (image * params.dst_quads + params.dst_offset + quad) * params.pixels + pixel;
        dst[at] = max(share.sum + bias[quad], vec4<f32>(params.store_floor));
    }
}
