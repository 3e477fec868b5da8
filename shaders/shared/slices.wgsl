// Split-K inside a workgroup: SLICES slices of the input channels times TILES tiles. Every invocation brings the partial
// sums of its slice; then each takes quads of output channels of single pixels, summed over all slices, until all are
// stored. `gather` comes from one of the two files called gather_*.

const TILES: u32 = PIXELS / TILE_PIXELS;        // of a workgroup
const VECTORS: u32 = QUADS * TILE_PIXELS;       // of a tile
const SHARES: u32 = TILES * VECTORS;            // of a workgroup

// What an invocation computes.
struct Part {
    slice: u32,     // of the input channels: quads slice, slice + SLICES, ...
    tile: u32,      // of the workgroup's TILES
}

// What an invocation stores: one quad of output channels of one pixel.
struct Share {
    tile: u32,      // of the workgroup's TILES
    pixel: u32,     // of the tile's TILE_PIXELS
    quad: u32,      // of the tile's QUADS
    sum: vec4<f32>,
}

fn part(role: u32) -> Part {
    return Part(role / TILES, role % TILES);
}

fn put(slot: u32, tile: u32, q: u32, values: mat4x4<f32>) {
    let at = (slot * TILES + tile) * VECTORS + q * TILE_PIXELS;
    partial[at] = values[0];
    partial[at + 1u] = values[1];
    partial[at + 2u] = values[2];
    partial[at + 3u] = values[3];
}

fn put_tile(slot: u32, tile: u32, values: Tile) {
#each q     put(slot, tile, {q}u, values.q{q});
}

// After the barrier: the share of number `index`, below SHARES, from `slots` slots of TILES tiles.
fn share(index: u32, slots: u32) -> Share {
    let tile = index % (TILES * TILE_PIXELS) / TILE_PIXELS;
    let pixel = index % TILE_PIXELS;
    let quad = index / (TILES * TILE_PIXELS);
    var sum = vec4<f32>();
    for (var slot = 0u; slot < slots; slot++) {
        sum += partial[(slot * TILES + tile) * VECTORS + quad * TILE_PIXELS + pixel];
    }
    return Share(tile, pixel, quad, sum);
}
