// The multiply-accumulate core that every convolution of the buffer family imports.
//
// A tile is TILE_QUADS quads of output channels of TILE_PIXELS pixels: an accumulator for each quad of output channels,
// whose column p holds that quad for pixel p. With X = (x_0 x_1 x_2 x_3), four input channels of the pixels, one line
//
//     acc_q += W_q * X        W_q: columns = 4 input channels, rows = 4 output channels
//
// is 64 multiply-adds. Accumulators are named, never an array indexed by a loop, and stay in registers.

struct Tile {
    q0: mat4x4<f32>, // [pixel, output channel 0..4]
    q1: mat4x4<f32>, // [pixel, output channel 4..8]
    q2: mat4x4<f32>, // [pixel, output channel 8..12]
    q3: mat4x4<f32>, // [pixel, output channel 12..16]
}

// The weights of a tile's output channels for four input channels.
struct Weights {
    w0: mat4x4<f32>, // [input channel, output channel 0..4]
    w1: mat4x4<f32>, // [input channel, output channel 4..8]
    w2: mat4x4<f32>, // [input channel, output channel 8..12]
    w3: mat4x4<f32>, // [input channel, output channel 12..16]
}

fn accumulate(tile: ptr<function, Tile>, w: Weights, x: mat4x4<f32>) {
    (*tile).q0 += w.w0 * x;
    (*tile).q1 += w.w1 * x;
    (*tile).q2 += w.w2 * x;
    (*tile).q3 += w.w3 * x;
}

fn splat(b: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(b, b, b, b);
}
