// A plain layer's new channels, copied into their slot of the block tensor. Such a layer reads the tensor it extends,
// and a buffer is never bound for reading and writing at once. Layers with a bottleneck need no copy.

struct Params {
    pixels: u32,        // H * W
    src_quads: u32,     // K/4 of the source
    dst_quads: u32,     // C/4 of the whole destination tensor
    dst_offset: u32,    // first C/4 that is written
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, K/4, H*W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4, H*W] of 4 channels

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.pixels) {
        return;
    }
    let source = (id.z * params.src_quads + id.y) * params.pixels + id.x;
    dst[(id.z * params.dst_quads + params.dst_offset + id.y) * params.pixels + id.x] = src[source];
}
