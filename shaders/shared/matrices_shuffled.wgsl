// Each of the LANES lanes loads one of as many texels, two quads of output channels by four input channels, and every lane
// takes all of them from its neighbours' registers. Right only where a subgroup has exactly LANES lanes.
struct Lane {
    @builtin(subgroup_invocation_id) index: u32,
}

fn texels(lane: u32, row: vec2<u32>, first: u32) -> vec4<f32> {
    return textureLoad(weight, vec2<u32>(row.x + first + lane, row.y));
}

fn lower(w: vec4<f32>, row: vec2<u32>, first: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupShuffle(w, 0u),
        subgroupShuffle(w, 1u),
        subgroupShuffle(w, 2u),
        subgroupShuffle(w, 3u),
    );
}

fn upper(w: vec4<f32>, row: vec2<u32>, first: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupShuffle(w, 4u),
        subgroupShuffle(w, 5u),
        subgroupShuffle(w, 6u),
        subgroupShuffle(w, 7u),
    );
}
