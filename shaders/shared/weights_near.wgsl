// The weights of a step, brought into workgroup memory: each matrix is read once for all pixels of the workgroup.
//
// WINDOW is the number of places of the window, CHANNELS that of the workgroup's quads of output channels.

var<workgroup> w_step: array<mat4x4<f32>, STEP * WINDOW * CHANNELS>;  // [STEP, WINDOW, CHANNELS] of [c, k]

// All invocations together bring the weights of input quads `first` and on, for output quads `quad` and on. Those past the
// end repeat the last, and count for nothing.
fn bring_weights(lane: u32, quad: u32, first: u32) {
    for (var i = lane; i < STEP * WINDOW * CHANNELS; i += WORKGROUP_SIZE) {
        let k = min(quad + i % CHANNELS, params.write_quads - 1u);
        let c = min(first + i / (WINDOW * CHANNELS), params.read_quads - 1u);
        let row = c * WINDOW + i / CHANNELS % WINDOW;
        w_step[i] = unpack(weight[first_matrix(k, WINDOW * params.read_quads) + row * TILE_QUADS]);
    }
}

// The matrices of the tile whose first output quad is `quad` of the workgroup's, for quad `q` of the step at a place.
fn step_weights(group: u32, quad: u32, first: u32, q: u32, place: u32) -> Weights {
    let at = (q * WINDOW + place) * CHANNELS + quad;
    return Weights(
#each q         w_step[at + {q}u],
    );
}
