// The core for images of at most three channels, beside weights32.wgsl.

fn of_three(w: mat4x4<f32>) -> mat3x4<f32> {
    return mat3x4<f32>(w[0], w[1], w[2]);
}

// tile += (32 x 3 weights of one row) * (x, e): three quarters of the work, where a fourth channel would be padding.
fn accumulate_three(tile: ptr<function, Tile>, lane: u32, row: vec2<u32>, x: mat4x3<f32>, e: vec3<f32>) {
    let w0 = texels(lane, row, 0u);
    let l0 = of_three(lower(w0, row, 0u));
    (*tile).q0 += l0 * x;
    (*tile).e0 += l0 * e;
    let u0 = of_three(upper(w0, row, 0u));
    (*tile).q1 += u0 * x;
    (*tile).e1 += u0 * e;
    let w1 = texels(lane, row, 8u);
    let l1 = of_three(lower(w1, row, 8u));
    (*tile).q2 += l1 * x;
    (*tile).e2 += l1 * e;
    let u1 = of_three(upper(w1, row, 8u));
    (*tile).q3 += u1 * x;
    (*tile).e3 += u1 * e;
    let w2 = texels(lane, row, 16u);
    let l2 = of_three(lower(w2, row, 16u));
    (*tile).q4 += l2 * x;
    (*tile).e4 += l2 * e;
    let u2 = of_three(upper(w2, row, 16u));
    (*tile).q5 += u2 * x;
    (*tile).e5 += u2 * e;
    let w3 = texels(lane, row, 24u);
    let l3 = of_three(lower(w3, row, 24u));
    (*tile).q6 += l3 * x;
    (*tile).e6 += l3 * e;
    let u3 = of_three(upper(w3, row, 24u));
    (*tile).q7 += u3 * x;
    (*tile).e7 += u3 * e;
}
