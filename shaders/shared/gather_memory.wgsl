// Sums over slices through workgroup memory alone.
struct Lane {
    @builtin(local_invocation_index) index: u32,
}

const SLOTS: u32 = SLICES;

// [SLICES, TILES, QUADS, TILE_PIXELS] of 4 channels
var<workgroup> partial: array<vec4<f32>, SLICES * SHARES>;

fn role_of(lane: Lane) -> u32 {
    return lane.index;
}

// Ends with a barrier.
fn gather(lane: Lane, tile: Tile) {
    let mine = part(lane.index);
    put_tile(mine.slice, mine.tile, tile);
    workgroupBarrier();
}
