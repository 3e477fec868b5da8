// Packing lays the matrices of TILE_QUADS quads of output channels side by side, row after row, a row for each input quad
// and place of the window. Where those of one quad begin; a row further they are TILE_QUADS further.
fn first_matrix(quad: u32, rows: u32) -> u32 {
    return quad / TILE_QUADS * (rows * TILE_QUADS) + quad % TILE_QUADS;
}

// The matrices of a tile, neighbours in their row.
fn weights_at(at: u32) -> Weights {
    return Weights(
#each q         unpack(weight[at + {q}u]),
    );
}
