// Weights stored as f16, a matrix in 32 bytes. The arithmetic stays f32. `unpack2x16float` needs no feature.
struct Packed {
    near: vec4<u32>,    // columns 0 and 1
    far: vec4<u32>,     // columns 2 and 3
}

fn unpack(packed: Packed) -> mat4x4<f32> {
    return mat4x4<f32>(
        vec4<f32>(unpack2x16float(packed.near.x), unpack2x16float(packed.near.y)),
        vec4<f32>(unpack2x16float(packed.near.z), unpack2x16float(packed.near.w)),
        vec4<f32>(unpack2x16float(packed.far.x), unpack2x16float(packed.far.y)),
        vec4<f32>(unpack2x16float(packed.far.z), unpack2x16float(packed.far.w)),
    );
}
