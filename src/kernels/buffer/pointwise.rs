//! 1x1 convolution in its three forms: `shaders/buffer/pointwise*.wgsl`.

use super::imports::IMPORTS;
use super::packing::BufferPacking;
use super::split_memory::split_memory;
use super::tile::TILE_QUADS;
use crate::kernels::constant::{Constant, constants};
use crate::kernels::estimate::{TOGETHER, Work};
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Exchange, Kernel};
use crate::kernels::layer::Layer;
use crate::kernels::lowering::{Geometry, Lowered, floor};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::program::Grid;
use crate::kernels::shared::{Buffers, groups, invocations};
use crate::kernels::text::{Text, wgsl};
use crate::kernels::tiling::{TILE_PIXELS, Tiling};
use crate::kernels::variant::Variant;

params! {
    struct Params {
        pixels: u32,
        src_quads: u32,
        read_quads: u32,
        dst_quads: u32,
        dst_offset: u32,
        write_quads: u32,
        load_floor: f32,
        store_floor: f32,
    }
}

const BINDINGS: &[Binding] = &[
    Binding::Uniform,
    Binding::ReadBuffer,
    Binding::WriteBuffer,
    Binding::ReadBuffer,
    Binding::ReadBuffer,
    Binding::ReadBuffer,
];

const CONSTANTS: &[Constant] = constants!(u32: TILE_QUADS, TILE_PIXELS);

/// What the forms have in common.
const fn kernel(text: Text, tilings: &'static [Tiling]) -> Kernel {
    Kernel {
        f16: true,
        tilings,
        constants: CONSTANTS,
        ..Kernel::new(KernelFamily::Buffer, text, IMPORTS, BINDINGS, Params::FIELDS)
    }
}

/// An invocation computes two tiles side by side.
pub(super) static REGISTERS: Kernel = kernel(wgsl!("buffer/pointwise.wgsl"), {
    const fn of(quads: u32) -> Tiling {
        Tiling::registers(2 * TILE_PIXELS, quads)
    }
    &[of(4), of(2), of(1)]
});

/// A workgroup computes a few tiles, and each of its slices a part of the sums.
pub(super) static SPLIT: Kernel = Kernel {
    exchange: Exchange::Slices,
    memory: split_memory,
    ..kernel(wgsl!("buffer/pointwise_split.wgsl"), {
        use Tiling as T;
        &[
            T::split(16, 4, 16),
            T::split(4, 4, 64),
            T::split(8, 4, 32),
            T::split(16, 4, 8),
            T::split(32, 4, 8),
            T::split(8, 2, 32),
            T::split(16, 2, 16),
            T::split(16, 2, 32),
            T::split(8, 1, 32),
            T::split(16, 1, 16),
            T::split(4, 2, 64),
            T::split(16, 1, 64),
        ]
    })
};

/// A workgroup brings a step of its pixels into its memory, and maybe of the weights, and each invocation computes a tile.
pub(super) static TILED: Kernel = Kernel {
    memory: |tiling, _| {
        let weights = if tiling.shared { 64 * tiling.channels() } else { 0 };
        tiling.step * (16 * tiling.pixels + weights)
    },
    ..kernel(wgsl!("buffer/pointwise_tiled.wgsl"), {
        const fn of(pixels: u32, channels: u32, quads: u32, step: u32, shared: bool) -> Tiling {
            Tiling::tiled([0, pixels], [channels / (4 * quads), quads], step, shared)
        }
        &[
            of(64, 64, 4, 4, true),
            of(64, 64, 4, 4, false),
            of(64, 64, 2, 4, true),
            of(64, 64, 2, 4, false),
            of(64, 64, 1, 4, true),
            of(64, 64, 4, 8, true),
            of(32, 32, 1, 8, true),
            of(32, 32, 2, 8, true),
            of(32, 32, 2, 8, false),
            of(32, 64, 2, 8, true),
            of(32, 64, 4, 8, true),
            of(64, 32, 2, 8, true),
            of(64, 32, 4, 8, false),
            of(64, 32, 1, 8, true),
            of(128, 32, 4, 4, true),
            of(128, 64, 4, 4, true),
            of(128, 64, 4, 4, false),
            of(128, 64, 2, 4, true),
            of(64, 128, 4, 4, true),
            of(64, 128, 4, 4, false),
            of(64, 128, 2, 4, true),
            of(32, 128, 4, 4, true),
            of(128, 128, 4, 2, true),
        ]
    })
};

/// Every form, the safest first.
static FORMS: [&Kernel; 3] = [&REGISTERS, &SPLIT, &TILED];

fn grid(variant: Variant, pixels: u32, quads: u32) -> Grid {
    let y = quads.div_ceil(variant.tiling.channels());
    let x = pixels.div_ceil(variant.tiling.pixels);
    if variant.tiling.invocations().is_some() { groups(x, y) } else { invocations(variant, x, y) }
}

fn work(variant: Variant, params: &Params, images: u32) -> Work {
    let grid = grid(variant, params.pixels, params.write_quads).workgroups(images);
    let Tiling { pixels, quads, slices, step, shared, .. } = variant.tiling;
    let (inputs, quads, size) = (params.read_quads, f64::from(quads), f64::from(variant.workgroup_size));
    let (pixels_wide, step_deep) = (f64::from(pixels), f64::from(step));
    let tile = f64::from(TILE_PIXELS);
    if step > 0 {
        let trips = f64::from(inputs.div_ceil(step));
        let brought = pixels_wide + if shared { 4.0 * f64::from(variant.tiling.channels()) } else { 0.0 };
        let weights = quads * 4.0;
        Work {
            grid,
            macs: trips * step_deep * quads * 16.0 * tile,
            far: trips * step_deep * (brought / size + if shared { 0.0 } else { weights * TOGETHER }),
            near: trips * step_deep * (tile + if shared { weights * TOGETHER } else { 0.0 }),
            trips,
            barriers: 2.0 * trips,
            registers: (quads * 4.0 * tile) as u32 + 16,
        }
    } else if slices > 0 {
        let depth = f64::from(inputs.div_ceil(slices));
        let share = pixels_wide * quads / size;
        Work {
            grid,
            macs: depth * quads * 16.0 * tile,
            far: depth * (tile + quads * 4.0),
            near: share * f64::from(slices) + quads * tile,
            trips: depth,
            barriers: 1.0,
            registers: (quads * 4.0 * tile) as u32 + 32,
        }
    } else {
        let depth = f64::from(inputs);
        Work {
            grid,
            macs: depth * quads * 16.0 * pixels_wide,
            far: depth * (pixels_wide + quads * 4.0 * TOGETHER),
            near: 0.0,
            trips: depth / 2.0,
            barriers: 0.0,
            registers: (quads * 4.0 * pixels_wide) as u32 + 32,
        }
    }
}

pub(super) fn lower(
    geometry: &Geometry,
    buffers: &Buffers,
    weight: &str,
    norm: &Option<String>,
    folded: &Option<String>,
) -> Lowered {
    let Geometry { source, destination, images } = geometry;
    let params = Params {
        pixels: destination.pixels(),
        src_quads: source.tensor_quads,
        read_quads: source.quads,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
        write_quads: destination.quads,
        load_floor: floor(norm.is_some()),
        store_floor: floor(folded.is_some()),
    };
    let layer = Layer {
        what: "1x1",
        size: [destination.height, destination.width],
        channels: [source.quads, destination.quads],
        images: *images,
        precision: buffers.precision(),
    };
    let (variant, others) = buffers.choose(&layer, &FORMS, |variant| work(variant, &params, *images));
    let inputs = source.channel_map.clone();
    let (weight, folded) = (weight.to_string(), folded.clone());
    let tiles = BufferPacking::Tiles { weight: weight.clone(), folded: folded.clone(), inputs: inputs.clone() };
    let bias = BufferPacking::Bias { weight, folded };
    let norm = BufferPacking::Norm { norm: norm.clone(), inputs };
    Lowered {
        layer: Some(layer),
        others,
        variant,
        params: params.bytes(),
        grid: grid(variant, params.pixels, params.write_quads),
        weights: vec![
            ("weight", Packing::Buffer(tiles)),
            ("bias", Packing::Buffer(bias)),
            ("norm", Packing::Buffer(norm)),
        ],
    }
}
