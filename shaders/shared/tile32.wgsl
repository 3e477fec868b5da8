// The multiply-accumulate core of the texture family: 32 output channels of four pixels, eight accumulators. Column p of
// one holds its quad of output channels for pixel p. With X = (x_0 x_1 x_2 x_3), four input channels of the four pixels,
// `q += W * X` is 64 multiply-adds. Accumulators are named, never an array indexed by a loop.

struct Tile {
    q0: mat4x4<f32>, // [pixel, output channel 0..4]
    q1: mat4x4<f32>, // [pixel, output channel 4..8]
    q2: mat4x4<f32>, // [pixel, output channel 8..12]
    q3: mat4x4<f32>, // [pixel, output channel 12..16]
    q4: mat4x4<f32>, // [pixel, output channel 16..20]
    q5: mat4x4<f32>, // [pixel, output channel 20..24]
    q6: mat4x4<f32>, // [pixel, output channel 24..28]
    q7: mat4x4<f32>, // [pixel, output channel 28..32]
}
