// Stores one quad of output channels of four consecutive pixels of one row: those of `count` that exist.
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
