// Weights of the texture family; `texels`, `lower` and `upper` come from one of the two files called matrices_*.

// Where the weights of a tile of 32 output channels begin: tiles of `rows` rows fill panels of 32 texels' width.
fn weight_row(tile: u32, rows: u32) -> vec2<u32> {
    return vec2<u32>(tile / params.weight_tiles * 32u, tile % params.weight_tiles * rows);
}

fn splat(b: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(b, b, b, b);
}

// The bias: the first eight texels of the row behind a tile's weights.
fn bias_tile(at: vec2<u32>) -> Tile {
    return Tile(
        splat(textureLoad(weight, at)),
        splat(textureLoad(weight, vec2<u32>(at.x + 1u, at.y))),
        splat(textureLoad(weight, vec2<u32>(at.x + 2u, at.y))),
        splat(textureLoad(weight, vec2<u32>(at.x + 3u, at.y))),
        splat(textureLoad(weight, vec2<u32>(at.x + 4u, at.y))),
        splat(textureLoad(weight, vec2<u32>(at.x + 5u, at.y))),
        splat(textureLoad(weight, vec2<u32>(at.x + 6u, at.y))),
        splat(textureLoad(weight, vec2<u32>(at.x + 7u, at.y))),
    );
}

// tile += (32 x 4 weights of one row) * x
fn accumulate(tile: ptr<function, Tile>, lane: u32, row: vec2<u32>, x: mat4x4<f32>) {
    let w0 = texels(lane, row, 0u);
    (*tile).q0 += lower(w0, row, 0u) * x;
    (*tile).q1 += upper(w0, row, 0u) * x;
    let w1 = texels(lane, row, 8u);
    (*tile).q2 += lower(w1, row, 8u) * x;
    (*tile).q3 += upper(w1, row, 8u) * x;
    let w2 = texels(lane, row, 16u);
    (*tile).q4 += lower(w2, row, 16u) * x;
    (*tile).q5 += upper(w2, row, 16u) * x;
    let w3 = texels(lane, row, 24u);
    (*tile).q6 += lower(w3, row, 24u) * x;
    (*tile).q7 += upper(w3, row, 24u) * x;
}
