// Weights as they were packed: 16 numbers of f32.
alias Packed = mat4x4<f32>;

fn unpack(packed: Packed) -> mat4x4<f32> {
    return packed;
}
