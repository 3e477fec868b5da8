// Stores a tile. The first quad of output channels of its first pixel goes to `base`. Pixels are neighbours: the first
// `count` are stored. Quads are `plane` apart: the first `quads` are stored.
fn store_tile(base: u32, plane: u32, quads: u32, count: u32, tile: Tile, floor: f32) {
#each q     if (quads > {q}u) { store_quad(base + {q}u * plane, count, tile.q{q}, floor); }
}

fn store_quad(base: u32, count: u32, values: mat4x4<f32>, floor: f32) {
    let low = vec4<f32>(floor);
    dst[base] = max(values[0], low);
    if (count > 1u) {
        dst[base + 1u] = max(values[1], low);
    }
    if (count > 2u) {
        dst[base + 2u] = max(values[2], low);
    }
    if (count > 3u) {
        dst[base + 3u] = max(values[3], low);
    }
}
