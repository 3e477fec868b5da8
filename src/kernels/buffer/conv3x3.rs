//! `shaders/buffer/conv3x3*.wgsl`: 3x3 convolution, written at a channel offset.

use bytemuck::NoUninit;

use super::{
    Buffers, Form, Geometry, Kernel, Lowered, Packing, SPLIT_TILES, TILE_PIXELS, TILE_QUADS, Variant, bytes, groups,
};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    height: u32,
    width: u32,
    row_tiles: u32,
    src_quads: u32,
    read_quads: u32,
    dst_quads: u32,
    dst_offset: u32,
    write_quads: u32,
}

pub(super) fn lower(geometry: &Geometry, family: &Buffers, weight: &str, norm: &Option<String>) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let (height, width, quads) = (destination.height, destination.width, destination.quads);
    let [tiled_x, tiled_y] = [width.div_ceil(TILED_COLUMNS), quads.div_ceil(TILED_QUADS)];
    let tiled_groups = tiled_x.saturating_mul(height.div_ceil(TILED_ROWS));
    let form = family.form(tiled_groups.saturating_mul(tiled_y).saturating_mul(geometry.images));
    let (kernel, row_tiles) = match form {
        Form::Registers => (Kernel::Convolution3x3, width.div_ceil(2 * TILE_PIXELS)),
        Form::Tiled => (Kernel::Convolution3x3Tiled, tiled_x),
        Form::Split => (Kernel::Convolution3x3Split, width.div_ceil(TILE_PIXELS)),
    };
    let tiles = row_tiles.saturating_mul(height);
    let grid = match form {
        Form::Registers => family.grid(tiles, quads.div_ceil(TILE_QUADS)),
        Form::Tiled => groups(tiled_groups, tiled_y),
        Form::Split => groups(tiles.div_ceil(SPLIT_TILES), quads.div_ceil(TILE_QUADS)),
    };
    let params = Params {
        height: destination.height,
        width: destination.width,
        row_tiles,
        src_quads: source.tensor_quads,
        read_quads: source.quads,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
        write_quads: destination.quads,
    };
    let inputs = source.channel_map.clone();
    // Where the variant reads no norm a single quad keeps the binding alive.
    let norm_inputs = if norm.is_some() { inputs.clone() } else { vec![None; 4] };
    Lowered {
        variant: Variant { norm: norm.is_some(), ..family.variant(kernel) },
        params: bytes(&params),
        grid,
        weights: vec![
            ("weight", Packing::Tiles { weight: weight.into(), folded: None, inputs }),
            ("norm", Packing::Norm { norm: norm.clone(), inputs: norm_inputs }),
        ],
    }
}

/// Columns of a tiled workgroup.
const TILED_COLUMNS: u32 = 16;
/// Rows of a tiled workgroup.
const TILED_ROWS: u32 = 8;
/// Quads of output channels of a tiled workgroup.
const TILED_QUADS: u32 = 8;
