// Weights stored as f32.
alias Packed = mat4x4<f32>;

fn unpack(packed: Packed) -> mat4x4<f32> {
    return packed;
}
