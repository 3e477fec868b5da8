// Where a tensor's texel is. An image row of a tensor is a group of C/4 texture rows, one a quad of channels, so that a
// step in channels is a step in y. Groups fill a panel from top to bottom; the next panel begins right of it, so that no
// texture is higher or wider than the adapter allows.
fn place(group: u32, x: u32, quads: u32, groups: u32, width: u32) -> vec2<u32> {
    return vec2<u32>(group / groups * width + x, group % groups * quads);
}
