// 1x1 convolution with the pre-activation on load and the next layer's batch norm folded in:
//
//     y[k, p] = max(b[k] + sum_c w[k, c] * max(s[c] * x[c, p] + t[c], load_floor), store_floor)
//
// A floor of 0 is ReLU, a floor of the lowest f32 changes nothing.
//
// For GPUs and layers that fill them: a workgroup computes GROUPS tiles of output channels of PIXELS pixels. Step by step it
// brings STEP quads of input channels of the pixels into workgroup memory, from where the invocations read them, and the
// weights too where SHARED. An invocation computes one tile.
//
// From Rust:
//     WORKGROUP_SIZE  TILES * GROUPS
//     TILE_QUADS      quads of output channels whose weights lie together
//     TILE_PIXELS     pixels of a tile
//     PIXELS          pixels of a workgroup
//     GROUPS          tiles of output channels of a workgroup
//     QUADS           quads of output channels of a tile
//     STEP            quads of input channels of a step

#import shared/tile.wgsl
#import shared/packed_f32.wgsl if not F16
#import shared/packed_f16.wgsl if F16
#import shared/pointwise_params.wgsl

const TILES: u32 = PIXELS / TILE_PIXELS;    // of a workgroup's pixels
const CHANNELS: u32 = GROUPS * QUADS;       // quads of output channels of a workgroup
const WINDOW: u32 = 1u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H*W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H*W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [tiles of K, C/4, TILE_QUADS] of [c, k]
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;          // [K/4] of 4 channels
@group(0) @binding(5) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

var<workgroup> x_step: array<vec4<f32>, STEP * PIXELS>;   // [STEP, pixel % TILE_PIXELS, TILES] of 4 channels, pre-activated

#import shared/weights.wgsl
#import shared/weights_near.wgsl if SHARED
#import shared/weights_far.wgsl if not SHARED
#import shared/bias.wgsl
#import shared/store.wgsl

// All invocations together bring the pixels of a step, from `pixel` on. Pixels past the end repeat the last one.
fn bring(lane: u32, row: u32, pixel: u32, first: u32) {
    for (var i = lane; i < STEP * PIXELS; i += WORKGROUP_SIZE) {
        let c = first + i / PIXELS;
        let p = i % PIXELS;
        var x = vec4<f32>();
        // Channels past the end are 0: whatever weight they meet counts for nothing.
        if (c < params.read_quads) {
            let value = src[row + c * params.pixels + min(pixel + p, params.pixels - 1u)];
            x = max(value * norm[2u * c] + norm[2u * c + 1u], vec4<f32>(params.load_floor));
        }
        // Read later by the invocations of neighbouring tiles, each from a bank of its own.
        x_step[i - p + (p % TILE_PIXELS) * TILES + p / TILE_PIXELS] = x;
    }
}

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let image = workgroup.z;
    let row = image * params.src_quads * params.pixels;
    let group = workgroup.y * CHANNELS;
    let p = lane % TILES;
    let mine = lane / TILES * QUADS;
    var tile = Tile();
    for (var first = 0u; first < params.read_quads; first += STEP) {
        bring(lane, row, workgroup.x * PIXELS, first);
        bring_weights(lane, group, first);
        workgroupBarrier();
        for (var q = 0u; q < STEP; q++) {
            let at = q * PIXELS + p;
            let x = mat4x4<f32>(x_step[at], x_step[at + TILES], x_step[at + 2u * TILES], x_step[at + 3u * TILES]);
            accumulate(&tile, step_weights(group, mine, first, q, 0u), x);
        }
        workgroupBarrier();
    }
    let pixel = workgroup.x * PIXELS + TILE_PIXELS * p;
    let quad = group + mine;
    if (pixel >= params.pixels || quad >= params.write_quads) {
        return;
    }
    add_bias(&tile, quad);
    let base = (image * params.dst_quads + params.dst_offset + quad) * params.pixels + pixel;
    store_tile(base, params.pixels, params.write_quads - quad, params.pixels - pixel, tile, params.store_floor);
}
