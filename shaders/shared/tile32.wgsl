// The multiply-accumulate core of the texture family: TILE_QUADS quads of output channels of LANE_PIXELS pixels. Column p of
// a matrix holds its quad of output channels for pixel p: four pixels in one matrix, the other three in another. With
// X = (x_0 x_1 x_2 x_3), four input channels of four pixels, and R the same of three, `q += W * X; r += W * R` is 112
// multiply-adds. Accumulators are named, never an array indexed by a loop.

struct Tile {
    q0: mat4x4<f32>, // [pixel 0..4, output channel 0..4]
    q1: mat4x4<f32>, // [pixel 0..4, output channel 4..8]
    q2: mat4x4<f32>, // [pixel 0..4, output channel 8..12]
    q3: mat4x4<f32>, // [pixel 0..4, output channel 12..16]
    q4: mat4x4<f32>, // [pixel 0..4, output channel 16..20]
    q5: mat4x4<f32>, // [pixel 0..4, output channel 20..24]
    q6: mat4x4<f32>, // [pixel 0..4, output channel 24..28]
    q7: mat4x4<f32>, // [pixel 0..4, output channel 28..32]
    r0: mat3x4<f32>, // [pixel 4..7, output channel 0..4]
    r1: mat3x4<f32>,
    r2: mat3x4<f32>,
    r3: mat3x4<f32>,
    r4: mat3x4<f32>,
    r5: mat3x4<f32>,
    r6: mat3x4<f32>,
    r7: mat3x4<f32>,
}
