// Sums over slices through workgroup memory alone.
struct Lane {
    @builtin(local_invocation_index) index: u32,
}

// [SLICES, TILES, TILE_QUADS, TILE_PIXELS] of 4 channels
var<workgroup> partial: array<vec4<f32>, SLICES * TILES * VECTORS>;

fn role_of(lane: Lane) -> u32 {
    return lane.index;
}

fn gather(lane: Lane, tile: Tile) -> Share {
    let mine = part(lane.index);
    put_tile(mine.slice, mine.tile, tile);
    workgroupBarrier();
    return share(lane.index, SLICES);
}
