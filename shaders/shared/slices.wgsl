// Split-K inside a workgroup: 16 slices of the input channels times 4 tiles. Every invocation brings the partial sums of
// its slice, and takes one quad of output channels of one pixel, summed over all slices. `gather` comes from one of the two
// files called gather_*.

const SLICES: u32 = 16u;

// What an invocation computes.
struct Part {
    slice: u32,     // of the input channels: quads slice, slice + SLICES, ...
    tile: u32,      // of the workgroup's four
}

// What an invocation stores: one quad of output channels of one pixel.
struct Share {
    tile: u32,      // of the workgroup's four
    pixel: u32,     // of the tile's four
    quad: u32,      // of the tile's four
    sum: vec4<f32>,
}

fn part(role: u32) -> Part {
    return Part(role / 4u, role % 4u);
}

fn put(slot: u32, tile: u32, q: u32, values: mat4x4<f32>) {
    let at = (slot * 4u + tile) * 16u + q * 4u;
    partial[at] = values[0];
    partial[at + 1u] = values[1];
    partial[at + 2u] = values[2];
    partial[at + 3u] = values[3];
}

fn put_tile(slot: u32, tile: u32, values: Tile) {
    put(slot, tile, 0u, values.q0);
    put(slot, tile, 1u, values.q1);
    put(slot, tile, 2u, values.q2);
    put(slot, tile, 3u, values.q3);
}

// Behind the barrier: the share of invocation `role`, from `slots` slots of four tiles.
fn share(role: u32, slots: u32) -> Share {
    let tile = role % 16u / 4u;
    let pixel = role % 4u;
    let quad = role / 16u;
    var sum = vec4<f32>();
    for (var slot = 0u; slot < slots; slot++) {
        sum += partial[(slot * 4u + tile) * 16u + quad * 4u + pixel];
    }
    return Share(tile, pixel, quad, sum);
}
