// What every form of the 3x3 convolution is told: `Params` of src/kernels/buffer/conv3x3.rs.
struct Params {
    height: u32,
    width: u32,
    row_tiles: u32,     // tiles, or blocks of tiles, that share a row
    src_quads: u32,     // C/4 of the whole source tensor
    read_quads: u32,    // C/4 that are read
    dst_quads: u32,     // K/4 of the whole destination tensor
    dst_offset: u32,    // first K/4 that is written
    write_quads: u32,   // K/4 that are written
}
