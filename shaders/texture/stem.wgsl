// The stem's convolution, from planar images in a buffer, with its batch norm folded in:
//
//     y[k, i, j] = max(b[k] + sum_{c, u, v} w[k, c, u, v] * x[c, S i + u - top, S j + v - left], floor)
//
// Pixels outside the image are 0. Eight lanes are one workgroup and one subgroup; a lane computes 32 output channels of 4
// pixels that lie 8 apart. Input values are gathered by four along (c, u, v), as if they were channels.

#import shared/tile32.wgsl
#import shared/panels.wgsl

struct Params {
    images: u32,
    height: u32,
    width: u32,
    in_channels: u32,
    in_height: u32,
    in_width: u32,
    kernel: u32,
    stride: u32,
    top: u32,
    left: u32,
    taps: u32,          // in_channels * kernel * kernel
    dst_quads: u32,     // K/4 of the whole destination tensor
    dst_groups: u32,    // image rows of a panel of the destination
    dst_offset: u32,    // first K/4 that is written
    write_quads: u32,   // K/4 that are written
    weight_tiles: u32,  // tiles of 32 output channels of a panel of the weights
    floor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;                 // [N, C, H, W]
@group(0) @binding(2) var dst: texture_storage_2d<rgba32float, write>;    // [N, H, K/4] rows of [W] of 4 channels
@group(0) @binding(3) var weight: texture_storage_2d<rgba32float, read>;  // [K/32, taps/4 + 1] rows of [K/4, tap] of 4 k

#import shared/matrices.wgsl
#import shared/weights32.wgsl
#import shared/store32.wgsl

// The window's upper left corner of one output pixel.
struct Corner {
    image: u32,
    y: u32,
    x: u32,
}

fn corner(pixel: u32) -> Corner {
    let group = pixel / params.width;
    // Above and left of the image these wrap around: one comparison covers both sides.
    return Corner(
        group / params.height * params.in_channels * params.in_height * params.in_width,
        group % params.height * params.stride - params.top,
        pixel % params.width * params.stride - params.left,
    );
}

fn load(at: Corner, plane: u32, u: u32, v: u32) -> f32 {
    let y = at.y + u;
    let x = at.x + v;
    let inside = y < params.in_height && x < params.in_width;
    let index = at.image + plane + min(y, params.in_height - 1u) * params.in_width + min(x, params.in_width - 1u);
    return select(0.0, src[index], inside);
}

// One value of each of the four pixels for tap `t`; past the last tap, where weights are 0, zeros.
fn gather(a: Corner, b: Corner, c: Corner, d: Corner, t: u32) -> vec4<f32> {
    if (t >= params.taps) {
        return vec4<f32>();
    }
    let window = params.kernel * params.kernel;
    let plane = t / window * params.in_height * params.in_width;
    let u = t % window / params.kernel;
    let v = t % params.kernel;
    return vec4<f32>(load(a, plane, u, v), load(b, plane, u, v), load(c, plane, u, v), load(d, plane, u, v));
}

@compute @workgroup_size(8, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, lane: Lane) {
    let first = group.x * 32u + lane.index;
    let end = params.images * params.height * params.width;
    let last = end - 1u;
    let a = corner(min(first, last));
    let b = corner(min(first + 8u, last));
    let c = corner(min(first + 16u, last));
    let d = corner(min(first + 24u, last));
    let quads = (params.taps + 3u) / 4u;
    var row = weight_row(group.y, quads + 1u);
    var tile = bias_tile(vec2<u32>(row.x, row.y + quads));
    for (var quad = 0u; quad < quads; quad++) {
        let x = transpose(mat4x4<f32>(
            gather(a, b, c, d, 4u * quad),
            gather(a, b, c, d, 4u * quad + 1u),
            gather(a, b, c, d, 4u * quad + 2u),
            gather(a, b, c, d, 4u * quad + 3u),
        ));
        accumulate(&tile, lane.index, row, x);
        row.y += 1u;
    }
    store(group.y, first, end, tile, params.floor);
}
