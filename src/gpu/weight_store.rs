//! All packed arrays of a model on the device.

use rayon::prelude::*;

use super::device::Gpu;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::kernels::{PackedWeight, Placement, TexturePlacement, WeightLayout};
use crate::weights::Weights;

/// Packed arrays: some share buffers, at offsets that may be bound; the others are textures of their own.
#[derive(Debug)]
pub(super) struct WeightStore {
    arrays: Vec<PackedWeight>,
    layout: WeightLayout,
    buffers: Vec<wgpu::Buffer>,
    textures: Vec<wgpu::TextureView>,
}

impl WeightStore {
    /// Packs and uploads; `cancel` is checked before each array.
    pub(super) async fn upload(
        gpu: &Gpu,
        arrays: &[PackedWeight],
        weights: &Weights,
        cancel: Option<&CancelToken>,
    ) -> Result<WeightStore> {
        let proceed = || cancel.map_or(Ok(()), CancelToken::check);
        let pack = |array: &PackedWeight| proceed().and_then(|()| array.pack(weights));
        let packed: Vec<Vec<f32>> = arrays.par_iter().map(pack).collect::<Result<_>>()?;
        let layout = WeightLayout::new(arrays.iter().zip(packed.iter().map(Vec::len)), &gpu.facts().limits);
        for (array, placement) in arrays.iter().zip(&layout.placements) {
            check(gpu, array, placement)?;
        }
        gpu.scoped("uploading the weights", || WeightStore::fill(gpu, arrays, &packed, layout, proceed)).await?
    }

    fn fill(
        gpu: &Gpu,
        arrays: &[PackedWeight],
        packed: &[Vec<f32>],
        layout: WeightLayout,
        proceed: impl Fn() -> Result<()>,
    ) -> Result<WeightStore> {
        let buffers: Vec<wgpu::Buffer> = layout.buffers.iter().map(|&size| mapped_buffer(gpu.device(), size)).collect();
        let mut textures = Vec::new();
        for ((array, values), placement) in arrays.iter().zip(packed).zip(&layout.placements) {
            proceed()?;
            match *placement {
                Placement::Texture(picture) => textures.push(upload(gpu, &picture, values)),
                Placement::Buffer { index, offset, bytes } => {
                    let range = buffers[index].slice(offset..offset + bytes).get_mapped_range_mut();
                    let mut view = range.map_err(|e| Error::Device(format!("mapping the weights: {e}")))?;
                    view.slice(..).copy_from_slice(&array.encode(values));
                }
            }
        }
        buffers.iter().for_each(wgpu::Buffer::unmap);
        Ok(WeightStore { arrays: arrays.to_vec(), layout, buffers, textures })
    }

    /// The recipes, in the order that programs index them.
    pub(super) fn arrays(&self) -> &[PackedWeight] {
        &self.arrays
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        self.layout.bytes()
    }

    /// The binding of an array.
    pub(super) fn binding(&self, index: usize) -> wgpu::BindingResource<'_> {
        match self.layout.placements[index] {
            Placement::Texture(picture) => wgpu::BindingResource::TextureView(&self.textures[picture.index]),
            Placement::Buffer { index, offset, bytes } => wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &self.buffers[index],
                offset,
                size: std::num::NonZeroU64::new(bytes),
            }),
        }
    }
}

fn upload(gpu: &Gpu, picture: &TexturePlacement, values: &[f32]) -> wgpu::TextureView {
    let texture = gpu.device().create_texture(&wgpu::TextureDescriptor {
        label: Some("weights"),
        size: wgpu::Extent3d { width: picture.width, height: picture.height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba32Float,
        usage: wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let panel = (picture.row * picture.panel_rows * 4) as usize;
    for (x, values) in (0..).step_by(picture.row as usize).zip(values.chunks(panel)) {
        let rows = (values.len() / 4) as u32 / picture.row;
        let target = wgpu::TexelCopyTextureInfo {
            texture: &texture,
            mip_level: 0,
            origin: wgpu::Origin3d { x, y: 0, z: 0 },
            aspect: wgpu::TextureAspect::All,
        };
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(picture.row * 16), rows_per_image: None };
        let size = wgpu::Extent3d { width: picture.row, height: rows, depth_or_array_layers: 1 };
        gpu.queue().write_texture(target, bytemuck::cast_slice(values), layout, size);
    }
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

fn check(gpu: &Gpu, array: &PackedWeight, placement: &Placement) -> Result<()> {
    let limits = &gpu.facts().limits;
    let (limit, need, have) = match *placement {
        Placement::Texture(TexturePlacement { width, height, .. }) => {
            let need = width.max(height);
            ("max_texture_dimension_2d", u64::from(need), u64::from(limits.max_texture_dimension_2d))
        }
        Placement::Buffer { bytes, .. } => {
            let have = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
            ("max_storage_buffer_binding_size", bytes, have)
        }
    };
    if need <= have {
        return Ok(());
    }
    let remedy = "this network needs an adapter that allows more".to_string();
    Err(Error::Limit { what: format!("the array '{}'", array.label), limit, need, have, remedy })
}

fn mapped_buffer(device: &wgpu::Device, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("weights"),
        size,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: true,
    })
}
