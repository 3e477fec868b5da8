// The weights of a step, from memory: the invocations of a group read the same ones, and a cache serves them all.
//
// WINDOW is the number of places of the window, CHANNELS that of the workgroup's quads of output channels.

// There is nothing to bring.
fn bring_weights(lane: u32, quad: u32, first: u32) {}

// The matrices of the tile whose first output quad is `quad` of the workgroup's, for quad `q` of the step at a place. Those
// past the end repeat the last, and count for nothing.
fn step_weights(group: u32, quad: u32, first: u32, q: u32, place: u32) -> Weights {
    let last = (params.write_quads - 1u) / QUADS * QUADS;
    let c = min(first + q, params.read_quads - 1u);
    return weights_at(
        first_matrix(min(group + quad, last), WINDOW * params.read_quads) + (c * WINDOW + place) * TILE_QUADS,
    );
}
