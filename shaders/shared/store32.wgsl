// Stores one quad of output channels of the lane's pixels, those before `end`.
fn store_quad(
    at: array<vec2<u32>, LANE_PIXELS>,
    first: u32,
    end: u32,
    quad: u32,
    q: mat4x4<f32>,
    r: mat3x4<f32>,
    floor: f32,
) {
    let low = vec4<f32>(floor);
    if (quad >= params.write_quads) {
        return;
    }
    if (first < end) {
        textureStore(dst, vec2<u32>(at[0].x, at[0].y + quad), max(q[0], low));
    }
    if (first + LANES < end) {
        textureStore(dst, vec2<u32>(at[1].x, at[1].y + quad), max(q[1], low));
    }
    if (first + 2u * LANES < end) {
        textureStore(dst, vec2<u32>(at[2].x, at[2].y + quad), max(q[2], low));
    }
    if (first + 3u * LANES < end) {
        textureStore(dst, vec2<u32>(at[3].x, at[3].y + quad), max(q[3], low));
    }
    if (first + 4u * LANES < end) {
        textureStore(dst, vec2<u32>(at[4].x, at[4].y + quad), max(r[0], low));
    }
    if (first + 5u * LANES < end) {
        textureStore(dst, vec2<u32>(at[5].x, at[5].y + quad), max(r[1], low));
    }
    if (first + 6u * LANES < end) {
        textureStore(dst, vec2<u32>(at[6].x, at[6].y + quad), max(r[2], low));
    }
}

fn destination_place(pixel: u32) -> vec2<u32> {
    let at = place(pixel / params.width, pixel % params.width, params.dst_quads, params.dst_groups, params.width);
    return vec2<u32>(at.x, at.y + params.dst_offset);
}

fn store(tile_index: u32, first: u32, end: u32, tile: Tile, floor: f32) {
    let at = array<vec2<u32>, LANE_PIXELS>(
        destination_place(first),
        destination_place(first + LANES),
        destination_place(first + 2u * LANES),
        destination_place(first + 3u * LANES),
        destination_place(first + 4u * LANES),
        destination_place(first + 5u * LANES),
        destination_place(first + 6u * LANES),
    );
    // One quad per turn, then the others move up: storing is long code where an adapter writes lane by lane, and this way
    // it is compiled once.
    var rest = tile;
    for (var quad = tile_index * TILE_QUADS; quad < tile_index * TILE_QUADS + TILE_QUADS; quad++) {
        store_quad(at, first, end, quad, rest.q0, rest.r0, floor);
        rest.q0 = rest.q1;
        rest.q1 = rest.q2;
        rest.q2 = rest.q3;
        rest.q3 = rest.q4;
        rest.q4 = rest.q5;
        rest.q5 = rest.q6;
        rest.q6 = rest.q7;
        rest.r0 = rest.r1;
        rest.r1 = rest.r2;
        rest.r2 = rest.r3;
        rest.r3 = rest.r4;
        rest.r4 = rest.r5;
        rest.r5 = rest.r6;
        rest.r6 = rest.r7;
    }
}
