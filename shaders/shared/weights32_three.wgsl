// The core for images of at most three channels, beside weights32.wgsl.

fn of_three(w: mat4x4<f32>) -> mat3x4<f32> {
    return mat3x4<f32>(w[0], w[1], w[2]);
}

// tile += (weights of one row: a tile's output channels by three input channels) * (x, r). That is three quarters of the
// work; the fourth channel would be padding.
fn accumulate_three(tile: ptr<function, Tile>, lane: u32, row: vec2<u32>, x: mat4x3<f32>, r: mat3x3<f32>) {
    let w0 = texels(lane, row, 0u);
    let l0 = of_three(lower(w0, row, 0u));
    (*tile).q0 += l0 * x;
    (*tile).r0 += l0 * r;
    let u0 = of_three(upper(w0, row, 0u));
    (*tile).q1 += u0 * x;
    (*tile).r1 += u0 * r;
    let w1 = texels(lane, row, LANES);
    let l1 = of_three(lower(w1, row, LANES));
    (*tile).q2 += l1 * x;
    (*tile).r2 += l1 * r;
    let u1 = of_three(upper(w1, row, LANES));
    (*tile).q3 += u1 * x;
    (*tile).r3 += u1 * r;
    let w2 = texels(lane, row, 2u * LANES);
    let l2 = of_three(lower(w2, row, 2u * LANES));
    (*tile).q4 += l2 * x;
    (*tile).r4 += l2 * r;
    let u2 = of_three(upper(w2, row, 2u * LANES));
    (*tile).q5 += u2 * x;
    (*tile).r5 += u2 * r;
    let w3 = texels(lane, row, 3u * LANES);
    let l3 = of_three(lower(w3, row, 3u * LANES));
    (*tile).q6 += l3 * x;
    (*tile).r6 += l3 * r;
    let u3 = of_three(upper(w3, row, 3u * LANES));
    (*tile).q7 += u3 * x;
    (*tile).r7 += u3 * r;
}
