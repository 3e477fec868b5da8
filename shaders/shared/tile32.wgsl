// The multiply-accumulate core of the texture family: 32 output channels of five pixels. Column p of a matrix holds its quad
// of output channels for pixel p; the fifth pixel has vectors of its own. With X = (x_0 x_1 x_2 x_3), four input channels of
// four pixels, `q += W * X` is 64 multiply-adds. Accumulators are named, never an array indexed by a loop.

struct Tile {
    q0: mat4x4<f32>, // [pixel, output channel 0..4]
    q1: mat4x4<f32>, // [pixel, output channel 4..8]
    q2: mat4x4<f32>, // [pixel, output channel 8..12]
    q3: mat4x4<f32>, // [pixel, output channel 12..16]
    q4: mat4x4<f32>, // [pixel, output channel 16..20]
    q5: mat4x4<f32>, // [pixel, output channel 20..24]
    q6: mat4x4<f32>, // [pixel, output channel 24..28]
    q7: mat4x4<f32>, // [pixel, output channel 28..32]
    e0: vec4<f32>,   // the fifth pixel, output channel 0..4
    e1: vec4<f32>,
    e2: vec4<f32>,
    e3: vec4<f32>,
    e4: vec4<f32>,
    e5: vec4<f32>,
    e6: vec4<f32>,
    e7: vec4<f32>,
}
