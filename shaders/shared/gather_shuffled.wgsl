// Sums over slices inside each subgroup first, from the neighbours' registers, then through workgroup memory. Right only
// where every subgroup has exactly SUBGROUP lanes, more than TILES and so many that they fill the workgroup exactly.
struct Lane {
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) index: u32,
}

override SUBGROUP: u32;
override SLOTS: u32 = WORKGROUP_SIZE / SUBGROUP;
override PARTIALS: u32 = SLOTS * SHARES;

// [SLOTS, TILES, QUADS, TILE_PIXELS] of 4 channels
var<workgroup> partial: array<vec4<f32>, PARTIALS>;

fn role_of(lane: Lane) -> u32 {
    return lane.subgroup * SUBGROUP + lane.index;
}

fn exchanged(x: mat4x4<f32>, mask: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupShuffleXor(x[0], mask),
        subgroupShuffleXor(x[1], mask),
        subgroupShuffleXor(x[2], mask),
        subgroupShuffleXor(x[3], mask),
    );
}

// Ends with a barrier.
fn gather(lane: Lane, tile: Tile) {
    var sum = tile;
    // Tiles lie beside one another: lanes of one tile are multiples of TILES apart.
    for (var mask = TILES; mask < SUBGROUP; mask *= 2u) {
#each q         sum.q{q} += exchanged(sum.q{q}, mask);
    }
    if (lane.index < TILES) {
        put_tile(lane.subgroup, lane.index, sum);
    }
    workgroupBarrier();
}
