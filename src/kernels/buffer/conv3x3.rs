//! 3x3 convolution, written at a channel offset, in its three forms: `shaders/buffer/conv3x3*.wgsl`.

use super::imports::IMPORTS;
use super::packing::BufferPacking;
use super::split_memory::split_memory;
use super::tile::TILE_QUADS;
use crate::kernels::constant::{Constant, constants};
use crate::kernels::estimate::{TOGETHER, Work};
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Exchange, Kernel};
use crate::kernels::layer::Layer;
use crate::kernels::lowering::{Geometry, LOWEST, Lowered};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::program::Grid;
use crate::kernels::shared::{Buffers, groups, invocations};
use crate::kernels::text::{Text, wgsl};
use crate::kernels::tiling::{TILE_PIXELS, Tiling};
use crate::kernels::variant::Variant;

params! {
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
}

const BINDINGS: &[Binding] =
    &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer, Binding::ReadBuffer, Binding::ReadBuffer];

/// Places of the window.
const WINDOW: u32 = 9;

const CONSTANTS: &[Constant] = constants!(u32: TILE_QUADS, TILE_PIXELS; f32: LOWEST);

/// What the forms have in common.
const fn kernel(text: Text, tilings: &'static [Tiling]) -> Kernel {
    Kernel {
        norm: true,
        f16: true,
        tilings,
        constants: CONSTANTS,
        ..Kernel::new(KernelFamily::Buffer, text, IMPORTS, BINDINGS, Params::FIELDS)
    }
}

/// An invocation computes two tiles side by side.
pub(super) static REGISTERS: Kernel = kernel(wgsl!("buffer/conv3x3.wgsl"), {
    const fn of(quads: u32) -> Tiling {
        Tiling::registers(2 * TILE_PIXELS, quads)
    }
    &[of(4), of(2), of(1)]
});

/// A workgroup computes a few tiles, and each of its slices a part of the sums.
pub(super) static SPLIT: Kernel = Kernel {
    exchange: Exchange::Slices,
    memory: split_memory,
    constants: constants!(u32: TILE_QUADS, TILE_PIXELS),
    ..kernel(wgsl!("buffer/conv3x3_split.wgsl"), {
        use Tiling as T;
        &[
            T::split(16, 4, 16),
            T::split(4, 4, 32),
            T::split(8, 4, 32),
            T::split(16, 4, 8),
            T::split(32, 4, 8),
            T::split(8, 2, 32),
            T::split(16, 2, 16),
            T::split(16, 2, 32),
            T::split(4, 2, 32),
            T::split(4, 1, 32),
            T::split(8, 1, 32),
            T::split(16, 1, 32),
        ]
    })
};

/// A workgroup brings a step of its block of pixels into its memory, and maybe of the weights, and each invocation computes a tile.
pub(super) static TILED: Kernel = Kernel {
    memory: |tiling, _| {
        let weights = if tiling.shared { 64 * WINDOW * tiling.channels() } else { 0 };
        tiling.step * (16 * (tiling.rows + 2) * (tiling.pixels + 2) + weights)
    },
    ..kernel(wgsl!("buffer/conv3x3_tiled.wgsl"), {
        const fn of(block: [u32; 2], channels: u32, quads: u32, step: u32, shared: bool) -> Tiling {
            Tiling::tiled(block, [channels / (4 * quads), quads], step, shared)
        }
        &[
            of([8, 16], 32, 4, 2, false),
            of([8, 16], 32, 4, 2, true),
            of([8, 16], 32, 2, 2, false),
            of([8, 16], 32, 2, 2, true),
            of([8, 16], 32, 1, 2, false),
            of([8, 16], 16, 4, 4, false),
            of([8, 16], 16, 2, 4, false),
            of([8, 16], 16, 1, 2, true),
            of([4, 16], 32, 4, 4, false),
            of([4, 16], 32, 2, 2, false),
            of([4, 16], 32, 2, 2, true),
            of([4, 16], 32, 1, 2, true),
            of([4, 32], 32, 4, 2, false),
            of([4, 32], 32, 2, 2, true),
            of([8, 8], 32, 4, 4, false),
            of([8, 8], 32, 2, 2, true),
            of([8, 8], 32, 1, 4, false),
            of([8, 8], 16, 1, 4, false),
            of([4, 8], 32, 1, 4, false),
            of([4, 8], 32, 2, 2, true),
            of([16, 16], 32, 4, 2, false),
            of([16, 16], 16, 4, 2, true),
            of([16, 16], 16, 2, 2, false),
            of([8, 32], 16, 4, 2, false),
        ]
    })
};

/// Every form, the safest first.
static FORMS: [&Kernel; 3] = [&REGISTERS, &SPLIT, &TILED];

/// How many of a variant's tiles, or blocks of tiles, share a row of pixels.
fn row_tiles(variant: Variant, width: u32) -> u32 {
    width.div_ceil(if variant.tiling.slices > 0 { TILE_PIXELS } else { variant.tiling.pixels })
}

fn grid(variant: Variant, height: u32, width: u32, quads: u32) -> Grid {
    let Tiling { rows, slices, groups: tiled, .. } = variant.tiling;
    let row_tiles = row_tiles(variant, width);
    let y = quads.div_ceil(variant.tiling.channels());
    match (slices, tiled) {
        (0, 0) => invocations(variant, row_tiles.saturating_mul(height), y),
        (0, _) => groups(row_tiles.saturating_mul(height.div_ceil(rows)), y),
        _ => groups(row_tiles.saturating_mul(height).div_ceil(variant.tiling.tiles()), y),
    }
}

fn work(variant: Variant, params: &Params, images: u32) -> Work {
    let Params { height, width, read_quads: inputs, write_quads, .. } = *params;
    let grid = grid(variant, height, width, write_quads).workgroups(images);
    let Tiling { rows, pixels, quads, step, slices, shared, .. } = variant.tiling;
    let (quads, size) = (f64::from(quads), f64::from(variant.workgroup_size));
    let (tile, window) = (f64::from(TILE_PIXELS), f64::from(WINDOW));
    // Of each row of the window: the pixels of the tile and one on each side.
    let around = |pixels: f64| 3.0 * (pixels + 2.0);
    let weights = window * quads * 4.0;
    if step > 0 {
        let (trips, deep) = (f64::from(inputs.div_ceil(step)), f64::from(step));
        let block = f64::from((rows + 2) * (pixels + 2));
        let brought = block + if shared { 4.0 * window * f64::from(variant.tiling.channels()) } else { 0.0 };
        Work {
            grid,
            macs: trips * deep * window * quads * 16.0 * tile,
            far: trips * deep * (brought / size + if shared { 0.0 } else { weights * TOGETHER }),
            near: trips * deep * (around(tile) + if shared { weights * TOGETHER } else { 0.0 }),
            trips: trips * if shared { 1.0 } else { 1.5 },
            barriers: 2.0 * trips,
            registers: (quads * 4.0 * tile) as u32 + 32,
        }
    } else if slices > 0 {
        let depth = f64::from(inputs.div_ceil(slices));
        let share = f64::from(pixels) * quads / size;
        Work {
            grid,
            macs: depth * window * quads * 16.0 * tile,
            far: depth * (around(tile) + weights),
            near: share * f64::from(slices) + quads * tile,
            trips: 3.0 * depth,
            barriers: 1.0,
            registers: (quads * 4.0 * tile) as u32 + 48,
        }
    } else {
        let depth = f64::from(inputs);
        Work {
            grid,
            macs: depth * window * quads * 16.0 * f64::from(pixels),
            far: depth * (around(f64::from(pixels)) + weights * TOGETHER),
            near: 0.0,
            trips: 1.5 * depth,
            barriers: 0.0,
            registers: (quads * 4.0 * f64::from(pixels)) as u32 + 48,
        }
    }
}

pub(super) fn lower(geometry: &Geometry, buffers: &Buffers, weight: &str, norm: &Option<String>) -> Lowered {
    let Geometry { source, destination, images } = geometry;
    let mut params = Params {
        height: destination.height,
        width: destination.width,
        row_tiles: 0,
        src_quads: source.tensor_quads,
        read_quads: source.quads,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
        write_quads: destination.quads,
    };
    let layer = Layer {
        what: "3x3",
        size: [destination.height, destination.width],
        channels: [source.quads, destination.quads],
        images: *images,
        precision: buffers.precision(),
    };
    let (variant, others) = buffers.choose(&layer, &FORMS, |variant| work(variant, &params, *images));
    params.row_tiles = row_tiles(variant, params.width);
    let inputs = source.channel_map.clone();
    // A variant without a norm never reads it, but something has to be bound: a single quad.
    let norm_inputs = if norm.is_some() { inputs.clone() } else { vec![None; 4] };
    let tiles = BufferPacking::Tiles { weight: weight.into(), folded: None, inputs };
    let norms = BufferPacking::Norm { norm: norm.clone(), inputs: norm_inputs };
    Lowered {
        layer: Some(layer),
        others,
        variant: Variant { norm: norm.is_some(), ..variant },
        params: params.bytes(),
        grid: grid(variant, params.height, params.width, params.write_quads),
        weights: vec![("weight", Packing::Buffer(tiles)), ("norm", Packing::Buffer(norms))],
    }
}
