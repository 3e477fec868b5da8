// 3x3 convolution, one row and column of zeros around its input, written at a channel offset:
//
//     y[k, i, j] = sum_{c, u, v} w[k, c, u, v] * z[c, i + u - 1, j + v - 1]
//     z = x                                 where the bottleneck already holds its activation,
//     z = max(s[c] * x + t[c], 0)           where NORM: a plain layer's pre-activation. Padded places of z are 0, not t.
//
// For GPUs and layers that fill them: a workgroup computes 32 output channels of 8 rows of 16 pixels. Step by step it
// brings 8 input channels of those pixels and their neighbours into workgroup memory; each invocation computes 16 output
// channels of 4 neighbouring pixels of a row, and reads its weights with 31 others.

#import shared/tile.wgsl
#import shared/packed.wgsl

struct Params {
    height: u32,
    width: u32,
    row_tiles: u32,     // blocks of 16 pixels that share a row
    src_quads: u32,     // C/4 of the whole source tensor
    read_quads: u32,    // C/4 that are read
    dst_quads: u32,     // K/4 of the whole destination tensor
    dst_offset: u32,    // first K/4 that is written
    write_quads: u32,   // K/4 that are written
}

override NORM: bool = false;

const STEP: u32 = 2u;           // quads of input channels of a step
const ROWS: u32 = 10u;          // of a block with its neighbours
const COLUMNS: u32 = 18u;       // of a block with its neighbours
const PLANE: u32 = 180u;        // ROWS * COLUMNS

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H, W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H, W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [K/16, C/4, 3, 3, 4] of [c, k]
@group(0) @binding(4) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

var<workgroup> block: array<vec4<f32>, 360>;        // [STEP, ROWS, COLUMNS] of 4 channels

#import shared/weights.wgsl
#import shared/store.wgsl

const IDENTITY: f32 = -3.40282347e38;

// All invocations together bring a step's channels of the block whose upper left pixel is (y, x); zero outside the image.
fn bring(lane: u32, image: u32, y: u32, x: u32, first: u32) {
    for (var i = lane; i < STEP * PLANE; i += 64u) {
        let c = first + i / PLANE;
        // One row and column further than meant, to stay unsigned.
        let row = y + i % PLANE / COLUMNS;
        let column = x + i % COLUMNS;
        var value = vec4<f32>();
        let inside = row >= 1u && row <= params.height && column >= 1u && column <= params.width;
        if (inside && c < params.read_quads) {
            value = src[((image * params.src_quads + c) * params.height + row - 1u) * params.width + column - 1u];
            if (NORM) {
                value = max(value * norm[2u * c] + norm[2u * c + 1u], vec4<f32>());
            }
        }
        block[i] = value;
    }
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let image = workgroup.z;
    let block_y = workgroup.x / params.row_tiles * 8u;
    let block_x = workgroup.x % params.row_tiles * 16u;
    let row = lane % 32u / 4u;
    let column = lane % 4u * 4u;
    let last = (params.write_quads - 1u) / 4u;
    let group = workgroup.y * 2u + lane / 32u;
    var w = min(group, last) * params.read_quads * 36u;
    var tile = Tile();
    for (var first = 0u; first < params.read_quads; first += STEP) {
        bring(lane, image, block_y, block_x, first);
        workgroupBarrier();
        for (var q = 0u; q < min(STEP, params.read_quads - first); q++) {
            for (var u = 0u; u < 3u; u++) {
                let at = q * PLANE + (row + u) * COLUMNS + column;
                let x1 = block[at + 1u];
                let x2 = block[at + 2u];
                let x3 = block[at + 3u];
                let x4 = block[at + 4u];
                accumulate(&tile, weights_at(w), mat4x4<f32>(block[at], x1, x2, x3));
                accumulate(&tile, weights_at(w + 4u), mat4x4<f32>(x1, x2, x3, x4));
                accumulate(&tile, weights_at(w + 8u), mat4x4<f32>(x2, x3, x4, block[at + 5u]));
                w += 12u;
            }
        }
        workgroupBarrier();
    }
    let y = block_y + row;
    let x = block_x + column;
    let quad = group * 4u;
    if (y >= params.height || x >= params.width || quad >= params.write_quads) {
        return;
    }
    let pixels = params.height * params.width;
    let base = (image * params.dst_quads + params.dst_offset + quad) * pixels + y * params.width + x;
    store_tile(base, pixels, params.write_quads - quad, params.width - x, tile, IDENTITY);
}
