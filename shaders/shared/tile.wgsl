// The multiply-accumulate core that every convolution of the buffer family imports.
//
// A tile is QUADS quads of output channels of TILE_PIXELS pixels: an accumulator for each quad of output channels, whose
// column p holds that quad for pixel p. With X = (x_0 x_1 x_2 x_3), four input channels of the pixels, one line
//
//     acc_q += W_q * X        W_q: columns = 4 input channels, rows = 4 output channels
//
// is 64 multiply-adds. Accumulators are named, never an array indexed by a loop, and stay in registers.

struct Tile {
#each q     q{q}: mat4x4<f32>, // [pixel, output channel of quad {q}]
}

// The weights of a tile's output channels for four input channels.
struct Weights {
#each q     w{q}: mat4x4<f32>, // [input channel, output channel of quad {q}]
}

fn accumulate(tile: ptr<function, Tile>, w: Weights, x: mat4x4<f32>) {
#each q     (*tile).q{q} += w.w{q} * x;
}

fn splat(b: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(b, b, b, b);
}
