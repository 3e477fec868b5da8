// Max pooling. Places outside the input never win:
//
//     y[c, i, j] = max_{u, v} x[c, S i + u - top, S j + v - left]
//
// From Rust:
//     LOWEST          the lowest f32

struct Params {
    in_height: u32,
    in_width: u32,
    height: u32,
    width: u32,
    kernel: u32,
    stride: u32,
    top: u32,
    left: u32,
    src_quads: u32,     // C/4 of the whole source tensor
    dst_quads: u32,     // C/4 of the whole destination tensor
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H, W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4, H, W] of 4 channels

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = id.x / params.width;
    let x = id.x % params.width;
    if (y >= params.height) {
        return;
    }
    let plane = (id.z * params.src_quads + id.y) * params.in_height * params.in_width;
    var best = vec4<f32>(LOWEST);
    for (var u = 0u; u < params.kernel; u++) {
        // Rows and columns before the first wrap around to large numbers: one comparison covers both sides.
        let row = y * params.stride + u - params.top;
        for (var v = 0u; v < params.kernel; v++) {
            let column = x * params.stride + v - params.left;
            if (row < params.in_height && column < params.in_width) {
                best = max(best, src[plane + row * params.in_width + column]);
            }
        }
    }
    dst[(id.z * params.dst_quads + id.y) * params.height * params.width + id.x] = best;
}
