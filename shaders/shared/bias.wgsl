// A tile that starts with the bias of its output channels, from quad `quad` on.
fn biased(quad: u32) -> Tile {
    return Tile(
#each q         splat(bias[quad + {q}u]),
    );
}

fn add_bias(tile: ptr<function, Tile>, quad: u32) {
#each q     (*tile).q{q} += splat(bias[quad + {q}u]);
}
