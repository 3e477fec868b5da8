// The stem's convolution, from planar images in a buffer, with its batch norm folded in:
//
//     y[k, i, j] = max(b[k] + sum_{c, u, v} w[k, c, u, v] * x[c, S i + u - top, S j + v - left], floor)
//
// Pixels outside the image are 0. Eight lanes are one workgroup and one subgroup; a lane computes 32 output channels of 4
// pixels that lie 8 apart. Input values are gathered by four along a row of the
// kernel, as if they were channels.

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
    kernel_quads: u32,  // kernel/4, rounded up
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
@group(0) @binding(3) var weight: texture_storage_2d<rgba32float, read>;  // [K/32, C, u, v/4 (+ 1)] rows of [K/4, v] of 4 k

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

fn load(row: u32, x: u32, inside: bool) -> f32 {
    return select(0.0, src[row + min(x, params.in_width - 1u)], inside && x < params.in_width);
}

// Four neighbours of a row of the window; behind the kernel's last column weights are 0.
fn gather(at: Corner, plane: u32, u: u32, v: u32) -> vec4<f32> {
    let y = at.y + u;
    let inside = y < params.in_height;
    let row = at.image + plane + min(y, params.in_height - 1u) * params.in_width;
    let x = at.x + v;
    return vec4<f32>(
        load(row, x, inside),
        load(row, x + 1u, inside),
        load(row, x + 2u, inside),
        load(row, x + 3u, inside),
    );
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
    let rows = params.in_channels * params.kernel * params.kernel_quads;
    var row = weight_row(group.y, rows + 1u);
    var tile = bias_tile(vec2<u32>(row.x, row.y + rows));
    for (var channel = 0u; channel < params.in_channels; channel++) {
        let plane = channel * params.in_height * params.in_width;
        for (var u = 0u; u < params.kernel; u++) {
            for (var v = 0u; v < params.kernel_quads; v++) {
                let x = mat4x4<f32>(
                    gather(a, plane, u, 4u * v),
                    gather(b, plane, u, 4u * v),
                    gather(c, plane, u, 4u * v),
                    gather(d, plane, u, 4u * v),
                );
                accumulate(&tile, lane.index, row, x);
                row.y += 1u;
            }
        }
    }
    store(group.y, first, end, tile, params.floor);
}
