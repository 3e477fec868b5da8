//! All packed arrays of a model on the device.

use super::device::Gpu;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::kernels::{PackedWeight, Placement, TexturePlacement, WeightLayout};
use crate::pause::Pause;
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
    /// Packs and uploads. Before each array it rests, if that is asked for, and checks `cancel`.
    pub(super) async fn upload(
        gpu: &Gpu,
        arrays: &[PackedWeight],
        weights: &Weights,
        cancel: Option<&CancelToken>,
        pause: &Pause,
    ) -> Result<WeightStore> {
        let proceed = || cancel.map_or(Ok(()), CancelToken::check);
        let pack = |array: &PackedWeight| proceed().and_then(|()| array.pack(weights));
        let packed: Vec<Vec<f32>> = pause.each(arrays, pack).await.into_iter().collect::<Result<_>>()?;
        let layout = WeightLayout::new(arrays.iter().zip(packed.iter().map(Vec::len)), &gpu.facts().limits);
        for (array, placement) in arrays.iter().zip(&layout.placements) {
            check(gpu, array, placement)?;
        }
        let buffers = || layout.buffers.iter().map(|&size| mapped_buffer(gpu.device(), size)).collect();
        let buffers: Vec<wgpu::Buffer> = gpu.scoped(UPLOADING, buffers).await?;
        let mut textures = Vec::new();
        // To ask for errors behind each array would take longer than to upload it.
        let mut from = 0;
        while from < arrays.len() {
            pause.rest().await;
            let to = if pause.is_never() { arrays.len() } else { part(&packed, from) };
            let upload = || {
                (from..to).try_for_each(|at| {
                    proceed()?;
                    match layout.placements[at] {
                        Placement::Texture(picture) => textures.push(upload(gpu, &picture, &packed[at])),
                        Placement::Buffer { index, offset, bytes } => {
                            let range = buffers[index].slice(offset..offset + bytes).get_mapped_range_mut();
                            let mut view = range.map_err(|e| Error::Device(format!("mapping the weights: {e}")))?;
                            view.slice(..).copy_from_slice(&arrays[at].encode(&packed[at]));
                        }
                    }
                    Ok(())
                })
            };
            gpu.scoped(UPLOADING, upload).await??;
            from = to;
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

/// What is done, as errors say it.
const UPLOADING: &str = "uploading the weights";

/// Elements that are uploaded between two rests.
const PART: usize = 1 << 19;

/// The end of the arrays that are uploaded together, from `from` on: at least one.
fn part(packed: &[Vec<f32>], from: usize) -> usize {
    let mut elements = 0;
    let more = packed[from..].iter().take_while(|array| {
        let fits = elements < PART;
        elements += array.len();
        fits
    });
    from + more.count()
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
