// Stores one quad of output channels of the five pixels, those before `end`.
fn store_quad(at: array<vec2<u32>, 5>, first: u32, end: u32, quad: u32, values: mat4x4<f32>, fifth: vec4<f32>, floor: f32) {
    let low = vec4<f32>(floor);
    if (quad >= params.write_quads) {
        return;
    }
    if (first < end) {
        textureStore(dst, vec2<u32>(at[0].x, at[0].y + quad), max(values[0], low));
    }
    if (first + 8u < end) {
        textureStore(dst, vec2<u32>(at[1].x, at[1].y + quad), max(values[1], low));
    }
    if (first + 16u < end) {
        textureStore(dst, vec2<u32>(at[2].x, at[2].y + quad), max(values[2], low));
    }
    if (first + 24u < end) {
        textureStore(dst, vec2<u32>(at[3].x, at[3].y + quad), max(values[3], low));
    }
    if (first + 32u < end) {
        textureStore(dst, vec2<u32>(at[4].x, at[4].y + quad), max(fifth, low));
    }
}

fn destination_place(pixel: u32) -> vec2<u32> {
    let at = place(pixel / params.width, pixel % params.width, params.dst_quads, params.dst_groups, params.width);
    return vec2<u32>(at.x, at.y + params.dst_offset);
}

fn store(tile_index: u32, first: u32, end: u32, tile: Tile, floor: f32) {
    let at = array<vec2<u32>, 5>(
        destination_place(first),
        destination_place(first + 8u),
        destination_place(first + 16u),
        destination_place(first + 24u),
        destination_place(first + 32u),
    );
    let quad = tile_index * 8u;
    store_quad(at, first, end, quad, tile.q0, tile.e0, floor);
    store_quad(at, first, end, quad + 1u, tile.q1, tile.e1, floor);
    store_quad(at, first, end, quad + 2u, tile.q2, tile.e2, floor);
    store_quad(at, first, end, quad + 3u, tile.q3, tile.e3, floor);
    store_quad(at, first, end, quad + 4u, tile.q4, tile.e4, floor);
    store_quad(at, first, end, quad + 5u, tile.q5, tile.e5, floor);
    store_quad(at, first, end, quad + 6u, tile.q6, tile.e6, floor);
    store_quad(at, first, end, quad + 7u, tile.q7, tile.e7, floor);
}
