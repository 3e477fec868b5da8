// 1x1 convolution with the pre-activation on load and the next layer's batch norm folded in:
//
//     y[k, p] = max(b[k] + sum_c w[k, c] * max(s[c] * x[c, p] + t[c], load_floor), store_floor)
//
// A floor of 0 is ReLU, the lowest number is the identity. For GPUs and layers that fill them: a workgroup computes 64
// output channels of 64 pixels. Step by step it brings 16 input channels of both into workgroup memory, where 4 times 16
// invocations read them again; each computes 16 output channels of 4 pixels.

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

const STEP: u32 = 4u;       // quads of input channels of a step
const PIXELS: u32 = 64u;    // of a workgroup
const GROUPS: u32 = 4u;     // of 16 output channels

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H*W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H*W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [K/16, C/4, 4] of [c, k]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;          // [K/4] of 4 channels
@group(0) @binding(5) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

var<workgroup> x_step: array<vec4<f32>, 256>;      // [STEP, pixel % 4, pixel / 4] of 4 channels, pre-activated
var<workgroup> w_step: array<mat4x4<f32>, 64>;     // [GROUPS, STEP, 4] of [c, k]

#import shared/store.wgsl

// Invocation `lane` brings its pixel of each quad of the step, and one matrix of the step's 64.
fn bring(lane: u32, row: u32, pixel: u32, group: u32, first: u32) {
    for (var q = 0u; q < STEP; q++) {
        let c = first + q;
        var x = vec4<f32>();
        // Channels past the end are 0: whatever weight they meet counts for nothing.
        if (c < params.read_quads) {
            let value = src[row + c * params.pixels + min(pixel, params.pixels - 1u)];
            x = max(value * norm[2u * c] + norm[2u * c + 1u], vec4<f32>(params.load_floor));
        }
        // Read later by neighbours of one pixel / 4, each at its own bank.
        x_step[q * PIXELS + (lane % 4u) * 16u + lane / 4u] = x;
    }
    let last = (params.write_quads - 1u) / 4u;
    let k = min(group * GROUPS + lane / 16u, last);
    let c = min(first + lane % 16u / 4u, params.read_quads - 1u);
    w_step[lane] = unpack(weight[(k * params.read_quads + c) * 4u + lane % 4u]);
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let image = workgroup.z;
    let row = image * params.src_quads * params.pixels;
    let p = lane % 16u;
    let g = lane / 16u;
    var tile = Tile();
    for (var first = 0u; first < params.read_quads; first += STEP) {
        bring(lane, row, workgroup.x * PIXELS + lane, workgroup.y, first);
        workgroupBarrier();
        for (var q = 0u; q < STEP; q++) {
            let at = q * PIXELS + p;
            let x = mat4x4<f32>(x_step[at], x_step[at + 16u], x_step[at + 32u], x_step[at + 48u]);
            let w = (g * STEP + q) * 4u;
            accumulate(&tile, Weights(w_step[w], w_step[w + 1u], w_step[w + 2u], w_step[w + 3u]), x);
        }
        workgroupBarrier();
    }
    let pixel = workgroup.x * PIXELS + 4u * p;
    let quad = (workgroup.y * GROUPS + g) * 4u;
    if (pixel >= params.pixels || quad >= params.write_quads) {
        return;
    }
    tile.q0 += splat(bias[quad]);
    tile.q1 += splat(bias[quad + 1u]);
    tile.q2 += splat(bias[quad + 2u]);
    tile.q3 += splat(bias[quad + 3u]);
    let base = (image * params.dst_quads + params.dst_offset + quad) * params.pixels + pixel;
    store_tile(base, params.pixels, params.write_quads - quad, params.pixels - pixel, tile, params.store_floor);
}
