// Four input channels of the pixel one left of column `x`, so that unsigned numbers suffice; zero outside the row.
fn load(row: u32, x: u32, scale: vec4<f32>, shift: vec4<f32>) -> vec4<f32> {
    let inside = x >= 1u && x <= params.width;
    var value = src[row + clamp(x, 1u, params.width) - 1u];
    if (NORM) {
        value = max(value * scale + shift, vec4<f32>());
    }
    return select(vec4<f32>(), value, inside);
}
