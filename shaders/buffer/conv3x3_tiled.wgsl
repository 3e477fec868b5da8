// 3x3 convolution, one row and column of zeros around its input, written at a channel offset:
//
//     y[k, i, j] = sum_{c, u, v} w[k, c, u, v] * z[c, i + u - 1, j + v - 1]
//     z = x                                 where the bottleneck already holds its activation,
//     z = max(s[c] * x + t[c], 0)           where NORM: a plain layer's pre-activation. Padded places of z are 0, not t.
//
// For GPUs and layers that fill them: a workgroup computes GROUPS tiles of output channels of a block of ROWS rows of PIXELS
// pixels. Step by step it brings STEP quads of input channels of the block and its neighbours into workgroup memory, and
// the weights too where SHARED. An invocation computes one tile.
//
// From Rust:
//     WORKGROUP_SIZE  ROWS * TILES * GROUPS
//     TILE_QUADS      quads of output channels whose weights lie together
//     TILE_PIXELS     pixels of a tile
//     ROWS, PIXELS    a block's rows, and the pixels of each
//     GROUPS          tiles of output channels of a workgroup
//     QUADS           quads of output channels of a tile
//     STEP            quads of input channels of a step
//     LOWEST          the lowest f32, a floor that changes nothing

#import shared/tile.wgsl
#import shared/packed_f32.wgsl if not F16
#import shared/packed_f16.wgsl if F16
#import shared/conv3x3_params.wgsl

override NORM: bool;

const TILES: u32 = PIXELS / TILE_PIXELS;    // of a row of the block
const WIDE: u32 = PIXELS + 2u;              // columns of the block with its neighbours
const PLANE: u32 = (ROWS + 2u) * WIDE;      // pixels of the block with its neighbours
const CHANNELS: u32 = GROUPS * QUADS;       // quads of output channels of a workgroup
const WINDOW: u32 = 3u * 3u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H, W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, K/4, H, W] of 4 channels
@group(0) @binding(3) var<storage, read> weight: array<Packed>;           // [tiles of K, C/4, 3, 3, TILE_QUADS] of [c, k]
@group(0) @binding(4) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

var<workgroup> block: array<vec4<f32>, STEP * PLANE>;     // [STEP, ROWS + 2, PIXELS + 2] of 4 channels

#import shared/weights.wgsl
#import shared/weights_near.wgsl if SHARED
#import shared/weights_far.wgsl if not SHARED
#import shared/store.wgsl

// All invocations together bring a step's channels of the block whose upper left pixel is (y, x); zero outside the image.
fn bring(lane: u32, image: u32, y: u32, x: u32, first: u32) {
    for (var i = lane; i < STEP * PLANE; i += WORKGROUP_SIZE) {
        let c = first + i / PLANE;
        // One row and column further than meant, to stay unsigned.
        let row = y + i % PLANE / WIDE;
        let column = x + i % WIDE;
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

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let image = workgroup.z;
    let block_y = workgroup.x / params.row_tiles * ROWS;
    let block_x = workgroup.x % params.row_tiles * PIXELS;
    let group = workgroup.y * CHANNELS;
    let row = lane % (ROWS * TILES) / TILES;
    let column = lane % TILES * TILE_PIXELS;
    let mine = lane / (ROWS * TILES) * QUADS;
    var tile = Tile();
    for (var first = 0u; first < params.read_quads; first += STEP) {
        bring(lane, image, block_y, block_x, first);
        bring_weights(lane, group, first);
        workgroupBarrier();
        for (var q = 0u; q < min(STEP, params.read_quads - first); q++) {
            for (var u = 0u; u < 3u; u++) {
                let at = q * PLANE + (row + u) * WIDE + column;
                let x1 = block[at + 1u];
                let x2 = block[at + 2u];
                let x3 = block[at + 3u];
                let x4 = block[at + 4u];
                let left = step_weights(group, mine, first, q, 3u * u);
                accumulate(&tile, left, mat4x4<f32>(block[at], x1, x2, x3));
                let middle = step_weights(group, mine, first, q, 3u * u + 1u);
                accumulate(&tile, middle, mat4x4<f32>(x1, x2, x3, x4));
                let right = step_weights(group, mine, first, q, 3u * u + 2u);
                accumulate(&tile, right, mat4x4<f32>(x2, x3, x4, block[at + 5u]));
            }
        }
        workgroupBarrier();
    }
    let y = block_y + row;
    let x = block_x + column;
    let quad = group + mine;
    if (y >= params.height || x >= params.width || quad >= params.write_quads) {
        return;
    }
    let pixels = params.height * params.width;
    let base = (image * params.dst_quads + params.dst_offset + quad) * pixels + y * params.width + x;
    store_tile(base, pixels, params.write_quads - quad, params.width - x, tile, LOWEST);
}
