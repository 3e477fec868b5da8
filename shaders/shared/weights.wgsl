// TILE_QUADS packed matrices in a row: a tile's output channels by four input channels.
fn weights_at(at: u32) -> Weights {
    return Weights(unpack(weight[at]), unpack(weight[at + 1u]), unpack(weight[at + 2u]), unpack(weight[at + 3u]));
}
