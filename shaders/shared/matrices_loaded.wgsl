// Without subgroups of exactly LANES lanes, every lane loads every weight.
struct Lane {
    @builtin(local_invocation_index) index: u32,
}

fn texels(lane: u32, row: vec2<u32>, first: u32) -> vec4<f32> {
    return vec4<f32>();
}

fn lower(w: vec4<f32>, row: vec2<u32>, first: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        textureLoad(weight, vec2<u32>(row.x + first, row.y)),
        textureLoad(weight, vec2<u32>(row.x + first + 1u, row.y)),
        textureLoad(weight, vec2<u32>(row.x + first + 2u, row.y)),
        textureLoad(weight, vec2<u32>(row.x + first + 3u, row.y)),
    );
}

fn upper(w: vec4<f32>, row: vec2<u32>, first: u32) -> mat4x4<f32> {
    return lower(w, row, first + 4u);
}
