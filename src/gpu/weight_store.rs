//! All packed arrays of a model on the device.

use rayon::prelude::*;

use super::Gpu;
use crate::error::{Error, Result};
use crate::kernels::{PackedWeight, Storage, not_a_power_of_two};
use crate::weights::Weights;

/// Larger buffers would gain nothing and may find no room in one piece.
const BUFFER_BYTES: u64 = 64 << 20;

/// Packed arrays: some share buffers at offsets that may be bound, others are textures of their own.
#[derive(Debug)]
pub(super) struct WeightStore {
    arrays: Vec<PackedWeight>,
    buffers: Vec<wgpu::Buffer>,
    places: Vec<Place>,
    texture_bytes: u64,
}

#[derive(Debug)]
enum Place {
    Buffer { index: usize, offset: u64, bytes: u64 },
    Texture(wgpu::TextureView),
}

/// A texture that is to be made, with the panels that fill it.
struct Picture {
    width: u32,
    height: u32,
    row: u32,
    panel_rows: u32,
}

impl WeightStore {
    pub(super) async fn upload(gpu: &Gpu, arrays: &[PackedWeight], weights: &Weights) -> Result<WeightStore> {
        let packed: Vec<Vec<f32>> = arrays.par_iter().map(|array| array.pack(weights)).collect::<Result<_>>()?;
        for (array, values) in arrays.iter().zip(&packed) {
            check(gpu, array, values)?;
        }
        gpu.scoped("uploading the weights", || WeightStore::fill(gpu, arrays, &packed)).await?
    }

    fn fill(gpu: &Gpu, arrays: &[PackedWeight], packed: &[Vec<f32>]) -> Result<WeightStore> {
        let limits = &gpu.facts().limits;
        let alignment = u64::from(limits.min_storage_buffer_offset_alignment).max(16);
        let most = BUFFER_BYTES.min(limits.max_buffer_size);
        let (mut places, mut sizes, mut texture_bytes) = (Vec::new(), Vec::<u64>::new(), 0);
        for (array, values) in arrays.iter().zip(packed) {
            if let Some(picture) = Picture::of(array, values) {
                texture_bytes += u64::from(picture.width) * u64::from(picture.height) * 16;
                places.push(Place::Texture(picture.upload(gpu, values)));
                continue;
            }
            let bytes = array.bytes(values);
            let behind = sizes.last().map(|size| size.next_multiple_of(alignment));
            match (behind, sizes.last_mut()) {
                (Some(offset), Some(size)) if offset + bytes <= most => {
                    *size = offset + bytes;
                    places.push(Place::Buffer { index: sizes.len() - 1, offset, bytes });
                }
                _ => {
                    sizes.push(bytes);
                    places.push(Place::Buffer { index: sizes.len() - 1, offset: 0, bytes });
                }
            }
        }
        let buffers: Vec<wgpu::Buffer> = sizes.iter().map(|&size| mapped_buffer(gpu.device(), size)).collect();
        for ((array, values), place) in arrays.iter().zip(packed).zip(&places) {
            if let Place::Buffer { index, offset, bytes } = *place {
                let range = buffers[index].slice(offset..offset + bytes).get_mapped_range_mut();
                let mut view = range.map_err(|e| Error::Device(format!("mapping the weights: {e}")))?;
                view.slice(..).copy_from_slice(&array.encode(values));
            }
        }
        buffers.iter().for_each(wgpu::Buffer::unmap);
        Ok(WeightStore { arrays: arrays.to_vec(), buffers, places, texture_bytes })
    }

    /// The recipes, in the order that programs index them.
    pub(super) fn arrays(&self) -> &[PackedWeight] {
        &self.arrays
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        self.buffers.iter().map(wgpu::Buffer::size).sum::<u64>() + self.texture_bytes
    }

    /// An array as a binding.
    pub(super) fn binding(&self, index: usize) -> wgpu::BindingResource<'_> {
        match &self.places[index] {
            Place::Texture(view) => wgpu::BindingResource::TextureView(view),
            Place::Buffer { index, offset, bytes } => wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &self.buffers[*index],
                offset: *offset,
                size: std::num::NonZeroU64::new(*bytes),
            }),
        }
    }
}

impl Picture {
    fn of(array: &PackedWeight, values: &[f32]) -> Option<Picture> {
        let Storage::Texture { width: row, rows: panel_rows } = array.packing.storage() else { return None };
        let rows = (values.len() / 4) as u32 / row;
        let width = row * rows.div_ceil(panel_rows);
        Some(Picture {
            width: not_a_power_of_two(width),
            height: not_a_power_of_two(rows.min(panel_rows)),
            row,
            panel_rows,
        })
    }

    fn upload(&self, gpu: &Gpu, values: &[f32]) -> wgpu::TextureView {
        let texture = gpu.device().create_texture(&wgpu::TextureDescriptor {
            label: Some("weights"),
            size: wgpu::Extent3d { width: self.width, height: self.height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba32Float,
            usage: wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let panel = (self.row * self.panel_rows * 4) as usize;
        for (x, values) in (0..).step_by(self.row as usize).zip(values.chunks(panel)) {
            let rows = (values.len() / 4) as u32 / self.row;
            let target = wgpu::TexelCopyTextureInfo {
                texture: &texture,
                mip_level: 0,
                origin: wgpu::Origin3d { x, y: 0, z: 0 },
                aspect: wgpu::TextureAspect::All,
            };
            let layout =
                wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(self.row * 16), rows_per_image: None };
            let size = wgpu::Extent3d { width: self.row, height: rows, depth_or_array_layers: 1 };
            gpu.queue().write_texture(target, bytemuck::cast_slice(values), layout, size);
        }
        texture.create_view(&wgpu::TextureViewDescriptor::default())
    }
}

fn check(gpu: &Gpu, array: &PackedWeight, values: &[f32]) -> Result<()> {
    let limits = &gpu.facts().limits;
    let (limit, need, have) = match Picture::of(array, values) {
        Some(picture) => {
            let need = picture.width.max(picture.height);
            ("max_texture_dimension_2d", u64::from(need), u64::from(limits.max_texture_dimension_2d))
        }
        None => {
            let have = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
            ("max_storage_buffer_binding_size", array.bytes(values), have)
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
