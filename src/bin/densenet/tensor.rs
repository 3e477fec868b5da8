//! Raw tensors in NumPy's .npy format.

use std::fs;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, bail};
use densenet_wgpu::files::AtomicFile;
use npyz::{DType, NpyFile, Order, TypeChar, WriterBuilder as _};

/// A batch of images, ready for a network.
#[derive(Debug)]
pub(crate) struct Images {
    /// `[N, C, H, W]`.
    pub(crate) shape: [usize; 4],
    /// NCHW.
    pub(crate) data: Vec<f32>,
}

/// Reads `[N, C, H, W]`, or `[C, H, W]` as one image; float32, or float64 rounded to float32.
pub(crate) fn read(path: &Path) -> anyhow::Result<Images> {
    parse(path).with_context(|| format!("{}: cannot be used as input", path.display()))
}

fn parse(path: &Path) -> anyhow::Result<Images> {
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let npy = NpyFile::new(BufReader::new(file)).context("this is no .npy file (numpy.save writes one)")?;
    let shape: Vec<usize> = npy.shape().iter().map(|&n| usize::try_from(n)).collect::<Result<_, _>>()?;
    let shape: [usize; 4] = match *shape.as_slice() {
        [n, c, h, w] => [n, c, h, w],
        [c, h, w] => [1, c, h, w],
        _ => bail!("its shape is {shape:?}: images are [N, C, H, W], or [C, H, W] for one"),
    };
    if npy.order() == Order::Fortran && shape.iter().filter(|&&n| n > 1).count() > 1 {
        bail!("it is in Fortran order: save numpy.ascontiguousarray(x) instead");
    }
    let DType::Plain(kind) = npy.dtype() else {
        bail!("it holds records: an array of float32 is expected");
    };
    let elements = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n)).unwrap_or(usize::MAX);
    let width = kind.num_bytes().unwrap_or(1);
    // Checked before memory is allocated for what the header promises.
    if elements.checked_mul(width).is_none_or(|bytes| bytes as u64 > length) {
        bail!("it is cut short: {length} bytes do not hold shape {shape:?}");
    }
    let data = match (kind.type_char(), width) {
        (TypeChar::Float, 4) => npy.into_vec::<f32>()?,
        (TypeChar::Float, 8) => npy.into_vec::<f64>()?.into_iter().map(|x| x as f32).collect(),
        _ => bail!(
            "its elements are '{}', but a network takes prepared float32 values: scale and normalise pixels, then save \
             x.astype('float32')",
            kind
        ),
    };
    if elements == 0 {
        bail!("its shape {shape:?} holds no image");
    }
    Ok(Images { shape, data })
}

/// Writes float32 in C order. Returns whether a file was replaced.
pub(crate) fn write(file: &AtomicFile, shape: &[usize], data: &[f32]) -> densenet_wgpu::Result<bool> {
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    file.write(|file| {
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
        writer.extend(data.iter().copied())?;
        writer.finish()
    })
}
