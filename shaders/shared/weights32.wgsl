// Weights of the texture family; `texels`, `lower` and `upper` come from one of the two files called matrices_*.

// Where the weights of a tile begin: tiles of `rows` rows fill panels of ROW texels' width.
fn weight_row(tile: u32, rows: u32) -> vec2<u32> {
    return vec2<u32>(tile / params.weight_tiles * ROW, tile % params.weight_tiles * rows);
}

fn splat(b: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(b, b, b, b);
}

fn splat_three(b: vec4<f32>) -> mat3x4<f32> {
    return mat3x4<f32>(b, b, b);
}

// The bias: the first TILE_QUADS texels of the row behind a tile's weights.
fn bias_tile(at: vec2<u32>) -> Tile {
    let b0 = textureLoad(weight, at);
    let b1 = textureLoad(weight, vec2<u32>(at.x + 1u, at.y));
    let b2 = textureLoad(weight, vec2<u32>(at.x + 2u, at.y));
    let b3 = textureLoad(weight, vec2<u32>(at.x + 3u, at.y));
    let b4 = textureLoad(weight, vec2<u32>(at.x + 4u, at.y));
    let b5 = textureLoad(weight, vec2<u32>(at.x + 5u, at.y));
    let b6 = textureLoad(weight, vec2<u32>(at.x + 6u, at.y));
    let b7 = textureLoad(weight, vec2<u32>(at.x + 7u, at.y));
    return Tile(
        splat(b0), splat(b1), splat(b2), splat(b3), splat(b4), splat(b5), splat(b6), splat(b7),
        splat_three(b0), splat_three(b1), splat_three(b2), splat_three(b3),
        splat_three(b4), splat_three(b5), splat_three(b6), splat_three(b7),
    );
}

// tile += (weights of one row: a tile's output channels by four input channels) * (x, r)
fn accumulate(tile: ptr<function, Tile>, lane: u32, row: vec2<u32>, x: mat4x4<f32>, r: mat3x4<f32>) {
    let w0 = texels(lane, row, 0u);
    let l0 = lower(w0, row, 0u);
    (*tile).q0 += l0 * x;
    (*tile).r0 += l0 * r;
    let u0 = upper(w0, row, 0u);
    (*tile).q1 += u0 * x;
    (*tile).r1 += u0 * r;
    let w1 = texels(lane, row, LANES);
    let l1 = lower(w1, row, LANES);
    (*tile).q2 += l1 * x;
    (*tile).r2 += l1 * r;
    let u1 = upper(w1, row, LANES);
    (*tile).q3 += u1 * x;
    (*tile).r3 += u1 * r;
    let w2 = texels(lane, row, 2u * LANES);
    let l2 = lower(w2, row, 2u * LANES);
    (*tile).q4 += l2 * x;
    (*tile).r4 += l2 * r;
    let u2 = upper(w2, row, 2u * LANES);
    (*tile).q5 += u2 * x;
    (*tile).r5 += u2 * r;
    let w3 = texels(lane, row, 3u * LANES);
    let l3 = lower(w3, row, 3u * LANES);
    (*tile).q6 += l3 * x;
    (*tile).r6 += l3 * r;
    let u3 = upper(w3, row, 3u * LANES);
    (*tile).q7 += u3 * x;
    (*tile).r7 += u3 * r;
}
