//! Pictures and tensors, as the library takes them.

use densenet_wgpu::picture::Picture;
use densenet_wgpu::{Input, InputSize};
use js_sys::{Array, Float32Array, Function, Uint8ClampedArray};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ImageData, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

use crate::browser::{bitmap, call, is_a, message, property, settled};
use crate::source::buffer;
use crate::{browser, failure};

/// Reads a picture, or a tensor of one or several images.
pub(crate) async fn read(value: &JsValue) -> Result<Vec<Input>, JsValue> {
    if !property(value, "tensor").is_undefined() {
        return tensor(value);
    }
    let picture = if is_a(value, "Blob") { blob(value).await? } else { drawn(value)?.into() };
    Ok(vec![picture])
}

/// A picture file. Our own decoder reads PNG and JPEG as the tool does; other formats are the browser's to decode.
async fn blob(value: &JsValue) -> Result<Input, JsValue> {
    let name = property(value, "name").as_string().unwrap_or_else(|| "picture in memory".into());
    let bytes = buffer(&settled(call(value, "arrayBuffer")?).await?)?.unwrap_or_default();
    match Picture::from_bytes(&bytes, &name) {
        Ok(picture) => Ok(picture.into()),
        Err(error) => match bitmap(value).await {
            // A picture that is known and damaged is not to be guessed at.
            Ok(decoded) if !is_known(&bytes) => {
                let picture = drawn(&decoded).map(Input::from);
                // Its pixels are not the collector's to find.
                let _ = call(&decoded, "close");
                picture
            }
            _ => Err(failure::of(&error)),
        },
    }
}

/// Whether a file begins as one of the formats that our decoder reads.
fn is_known(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\xff\xd8\xff")
}

/// Pixels of what the browser has decoded.
fn drawn(value: &JsValue) -> Result<Picture, JsValue> {
    if let Some(data) = value.dyn_ref::<ImageData>() {
        return pixels(data);
    }
    // The picture's own size, whatever size it is shown in.
    let sizes = [
        ("HTMLImageElement", "naturalWidth", "naturalHeight"),
        ("HTMLVideoElement", "videoWidth", "videoHeight"),
        ("VideoFrame", "displayWidth", "displayHeight"),
        ("ImageBitmap", "width", "height"),
        ("HTMLCanvasElement", "width", "height"),
        ("OffscreenCanvas", "width", "height"),
    ];
    let Some((_, width, height)) = sizes.into_iter().find(|(class, ..)| is_a(value, class)) else {
        return Err(failure::input(
            "a picture is expected as a Blob, File, ImageBitmap, ImageData, canvas, image, video or VideoFrame; a tensor as { tensor, shape }; \
             several as an array",
        ));
    };
    let side = |name: &str| property(value, name).as_f64().unwrap_or(0.0) as u32;
    let (width, height) = (side(width), side(height));
    // A video knows its size before it has a frame.
    let is_early = is_a(value, "HTMLVideoElement")
        && property(value, "readyState").as_f64().is_some_and(|state| state < 2.0)
        || is_a(value, "HTMLImageElement") && !property(value, "complete").is_truthy();
    if width == 0 || height == 0 || is_early {
        return Err(failure::input("a picture without pixels: wait until it is loaded"));
    }
    let unreadable = |cause: JsValue| failure::input(&format!("the picture cannot be read: {}", message(&cause)));
    let canvas = OffscreenCanvas::new(width, height).map_err(unreadable)?;
    let choice = js_sys::Object::new();
    js_sys::Reflect::set(&choice, &"willReadFrequently".into(), &true.into())?;
    let context = canvas.get_context_with_context_options("2d", &choice)?;
    let context = context.ok_or_else(|| failure::input("this browser does not draw in memory"))?;
    let context: OffscreenCanvasRenderingContext2d = context.unchecked_into();
    let draw: Function = browser::property(&context, "drawImage").dyn_into()?;
    draw.call3(&context, value, &0.into(), &0.into()).map_err(unreadable)?;
    pixels(&context.get_image_data(0.0, 0.0, width.into(), height.into()).map_err(unreadable)?)
}

fn pixels(data: &ImageData) -> Result<Picture, JsValue> {
    let (width, height) = (data.width() as usize, data.height() as usize);
    // Newer browsers also have pixels of 16 bits.
    let bytes = property(data, "data").dyn_into::<Uint8ClampedArray>().ok();
    // What was transferred elsewhere has no length, and must not be copied.
    let bytes = bytes.filter(|bytes| bytes.length() as usize == width * height * 4).ok_or_else(|| {
        failure::input("ImageData is expected with 8 bits a colour, in an array that was not transferred elsewhere")
    })?;
    let bytes = bytes.to_vec();
    Picture::from_pixels(width, height, 4, bytes, "picture").map_err(|error| failure::of(&error))
}

/// `{ tensor, shape }`: `[channels, height, width]`, or several of them.
fn tensor(value: &JsValue) -> Result<Vec<Input>, JsValue> {
    let wrong = || {
        failure::input(
            "a tensor is { tensor, shape }: a Float32Array, and [channels, height, width] or [images, channels, height, width]",
        )
    };
    let data = property(value, "tensor").dyn_into::<Float32Array>().map_err(|_| wrong())?;
    let shape = property(value, "shape").dyn_into::<Array>().map_err(|_| wrong())?;
    let whole = |side: JsValue| side.as_f64().filter(|n| *n >= 1.0 && n.fract() == 0.0 && *n < 1e9).map(|n| n as usize);
    let shape: Vec<usize> = shape.iter().map(whole).collect::<Option<_>>().ok_or_else(wrong)?;
    let (images, [channels, height, width]) = match shape[..] {
        [channels, height, width] => (1, [channels, height, width]),
        [images, channels, height, width] => (images, [channels, height, width]),
        _ => return Err(wrong()),
    };
    let elements = channels.checked_mul(height).and_then(|n| n.checked_mul(width)).ok_or_else(wrong)?;
    if elements.checked_mul(images) != Some(data.length() as usize) {
        return Err(failure::input(&format!("a tensor of {} values does not have the shape {shape:?}", data.length())));
    }
    let size = InputSize { height, width };
    let data = data.to_vec();
    Ok(data.chunks_exact(elements).map(|image| Input::tensor(image.to_vec(), size)).collect())
}
