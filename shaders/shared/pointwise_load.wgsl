// Four input channels of four pixels, pre-activated. Pixels past the end repeat the last one and are never stored.
fn load(row: u32, pixel: u32, scale: vec4<f32>, shift: vec4<f32>) -> mat4x4<f32> {
    let last = params.pixels - 1u;
    let low = vec4<f32>(params.load_floor);
    return mat4x4<f32>(
        max(src[row + min(pixel, last)] * scale + shift, low),
        max(src[row + min(pixel + 1u, last)] * scale + shift, low),
        max(src[row + min(pixel + 2u, last)] * scale + shift, low),
        max(src[row + min(pixel + 3u, last)] * scale + shift, low),
    );
}
