// The last norm and, where there is one, its ReLU; then the mean or the maximum over all pixels:
//
//     y[c] = 1/(H W) sum_p r(s[c] * x[c, p] + t[c])        y[c] = max_p r(s[c] * x[c, p] + t[c])
//
// where r(x) = max(x, floor), and the floor of no ReLU is below every number.

struct Params {
    pixels: u32,        // H * W
    quads: u32,         // C/4 of the source
    dst_quads: u32,     // quads of the whole destination tensor
    dst_offset: u32,    // first quad that is written
    maximum: u32,       // 1: the maximum
    reciprocal: f32,    // 1 / (H * W)
    floor: f32,
}

override WORKGROUP_SIZE: u32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;           // [N, C/4, H*W] of 4 channels
@group(0) @binding(2) var<storage, read_write> dst: array<vec4<f32>>;     // [N, C/4] of 4 channels
@group(0) @binding(3) var<storage, read> norm: array<vec4<f32>>;          // [C/4, 2] of 4 channels: scale, shift

@compute @workgroup_size(WORKGROUP_SIZE, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= params.quads) {
        return;
    }
    let scale = norm[2u * id.x];
    let shift = norm[2u * id.x + 1u];
    let quad = id.z * params.quads + id.x;
    var sum = vec4<f32>();
    var largest = vec4<f32>(params.floor);
    for (var p = 0u; p < params.pixels; p++) {
        let x = max(src[quad * params.pixels + p] * scale + shift, vec4<f32>(params.floor));
        sum += x;
        largest = max(largest, x);
    }
    let y = select(sum * params.reciprocal, largest, params.maximum == 1u);
    dst[id.z * params.dst_quads + params.dst_offset + id.x] = y;
}
