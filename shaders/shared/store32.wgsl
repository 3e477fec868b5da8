// Stores one quad of output channels of the seven pixels, those before `end`.
fn store_quad(at: array<vec2<u32>, 7>, first: u32, end: u32, quad: u32, q: mat4x4<f32>, r: mat3x4<f32>, floor: f32) {
    let low = vec4<f32>(floor);
    if (quad >= params.write_quads) {
        return;
    }
    if (first < end) {
        textureStore(dst, vec2<u32>(at[0].x, at[0].y + quad), max(q[0], low));
    }
    if (first + 8u < end) {
        textureStore(dst, vec2<u32>(at[1].x, at[1].y + quad), max(q[1], low));
    }
    if (first + 16u < end) {
        textureStore(dst, vec2<u32>(at[2].x, at[2].y + quad), max(q[2], low));
    }
    if (first + 24u < end) {
        textureStore(dst, vec2<u32>(at[3].x, at[3].y + quad), max(q[3], low));
    }
    if (first + 32u < end) {
        textureStore(dst, vec2<u32>(at[4].x, at[4].y + quad), max(r[0], low));
    }
    if (first + 40u < end) {
        textureStore(dst, vec2<u32>(at[5].x, at[5].y + quad), max(r[1], low));
    }
    if (first + 48u < end) {
        textureStore(dst, vec2<u32>(at[6].x, at[6].y + quad), max(r[2], low));
    }
}

fn destination_place(pixel: u32) -> vec2<u32> {
    let at = place(pixel / params.width, pixel % params.width, params.dst_quads, params.dst_groups, params.width);
    return vec2<u32>(at.x, at.y + params.dst_offset);
}

fn store(tile_index: u32, first: u32, end: u32, tile: Tile, floor: f32) {
    let at = array<vec2<u32>, 7>(
        destination_place(first),
        destination_place(first + 8u),
        destination_place(first + 16u),
        destination_place(first + 24u),
        destination_place(first + 32u),
        destination_place(first + 40u),
        destination_place(first + 48u),
    );
    // One quad a turn, the others move up: what stores is long where an adapter writes lane by lane, and its text compiled
    // once.
    var rest = tile;
    for (var quad = tile_index * 8u; quad < tile_index * 8u + 8u; quad++) {
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
