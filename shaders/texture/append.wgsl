// A plain layer's new channels, copied into their slot of the block tensor. Such a layer reads the tensor it extends, and
// a texture is never bound for reading and writing at once. Layers with a bottleneck need no copy.
//
// From Rust:
//     WORKGROUP_SIZE  pixels of a workgroup

#import shared/panels.wgsl

struct Params {
    images: u32,
    height: u32,
    width: u32,
    src_quads: u32,     // K/4 of the source
    src_groups: u32,    // image rows of a panel of the source
    dst_quads: u32,     // C/4 of the whole destination tensor
    dst_groups: u32,    // image rows of a panel of the destination
    dst_offset: u32,    // first C/4 that is written
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, K/4] rows of [W] of 4 channels
@group(0) @binding(2) var dst: texture_storage_2d<rgba32float, write>;    // [N, H, C/4] rows of [W] of 4 channels

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.images * params.height * params.width) {
        return;
    }
    let group = id.x / params.width;
    let x = id.x % params.width;
    let source = place(group, x, params.src_quads, params.src_groups, params.width);
    let target_place = place(group, x, params.dst_quads, params.dst_groups, params.width);
    let value = textureLoad(src, vec2<u32>(source.x, source.y + id.y));
    textureStore(dst, vec2<u32>(target_place.x, target_place.y + params.dst_offset + id.y), value);
}
