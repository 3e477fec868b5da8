// What every form of the 1x1 convolution is told: `Params` of src/kernels/buffer/pointwise.rs.
struct Params {
    pixels: u32,        // H * W
    src_quads: u32,     // C/4 of the whole source tensor
    read_quads: u32,    // C/4 that are read
    dst_quads: u32,     // K/4 of the whole destination tensor
    dst_offset: u32,    // first K/4 that is written
    write_quads: u32,   // K/4 that are written
    load_floor: f32,
    store_floor: f32,
}
