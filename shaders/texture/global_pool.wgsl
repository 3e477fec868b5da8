// The last norm and, where there is one, its ReLU; then the mean or the maximum over all pixels, into a buffer:
//
//     y[c] = 1/(H W) sum_p r(s[c] * x[c, p] + t[c])        y[c] = max_p r(s[c] * x[c, p] + t[c])
//
// where r(x) = max(x, floor), and the floor of no ReLU is below every number.
//
// From Rust:
//     WORKGROUP_SIZE  quads of channels of a workgroup

#import shared/panels.wgsl

struct Params {
    height: u32,
    width: u32,
    quads: u32,         // C/4 of the source
    src_groups: u32,    // image rows of a panel of the source
    dst_quads: u32,     // quads of the whole destination tensor
    dst_offset: u32,    // first quad that is written
    maximum: u32,       // 1: the maximum
    reciprocal: f32,    // 1 / (H * W)
    floor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var src: texture_storage_2d<rgba32float, read>;     // [N, H, C/4] rows of [W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4] of 4 channels
@group(0) @binding(3) var norm: texture_storage_2d<rgba32float, read>;    // [scale, shift] rows of [C/4] of 4 channels

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.quads) {
        return;
    }
    let scale = textureLoad(norm, vec2<u32>(id.x, 0u));
    let shift = textureLoad(norm, vec2<u32>(id.x, 1u));
    var sum = vec4<f32>();
    var largest = vec4<f32>(params.floor);
    for (var y = 0u; y < params.height; y++) {
        let at = place(id.z * params.height + y, 0u, params.quads, params.src_groups, params.width);
        for (var x = 0u; x < params.width; x++) {
            let texel = textureLoad(src, vec2<u32>(at.x + x, at.y + id.x));
            let value = max(texel * scale + shift, vec4<f32>(params.floor));
            sum += value;
            largest = max(largest, value);
        }
    }
    let result = select(sum * params.reciprocal, largest, params.maximum == 1u);
    dst[id.z * params.dst_quads + params.dst_offset + id.x] = result;
}
