//! Answers, as JavaScript's objects.

use densenet_wgpu::picture::heat_colour;
use densenet_wgpu::{FeatureMaps, Place, Prediction};
use js_sys::{Array, Float32Array, Object, Reflect, Uint8ClampedArray};
use wasm_bindgen::JsValue;
use web_sys::ImageData;

use crate::failure;
use crate::options::{Cam, Classify};

/// The longest side of a class map, in pixels. It has some 7x7 places: more would be of no use.
const MAP_SIDE: usize = 512;

/// `{ top, logits, scores, ms, warnings, cam, taps }`.
pub(crate) fn of(prediction: &Prediction, wanted: &Classify, milliseconds: f64) -> Result<JsValue, JsValue> {
    let top = prediction.top(wanted.top).iter().map(place).collect::<Array>();
    let warnings = prediction.warnings.iter().map(JsValue::from).collect::<Array>();
    let class = match wanted.cam {
        Cam::None => None,
        Cam::Best => prediction.top(1).first().map(|best| best.class),
        Cam::Class(class) => Some(class),
    };
    let mut fields: Vec<(&str, JsValue)> = vec![
        ("top", top.into()),
        ("logits", Float32Array::from(&prediction.logits[..]).into()),
        ("scores", Float32Array::from(&prediction.scores[..]).into()),
        ("ms", milliseconds.into()),
        ("warnings", warnings.into()),
    ];
    if let Some(class) = class {
        fields.push(("cam", map(prediction, class)?.into()));
    }
    if !wanted.taps.is_empty() {
        let taps: Vec<(&str, JsValue)> =
            wanted.taps.iter().filter_map(|name| Some((name.as_str(), maps(prediction.tap(name)?)))).collect();
        fields.push(("taps", object(&taps)));
    }
    Ok(object(&fields))
}

fn maps(maps: &FeatureMaps) -> JsValue {
    object(&[
        ("channels", (maps.channels as f64).into()),
        ("height", (maps.height as f64).into()),
        ("width", (maps.width as f64).into()),
        ("data", Float32Array::from(&maps.data[..]).into()),
    ])
}

/// An object of these fields.
pub(crate) fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // Plain objects admit any field.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

fn place(place: &Place) -> JsValue {
    object(&[
        ("class", (place.class as f64).into()),
        ("label", place.label.as_str().into()),
        ("score", f64::from(place.score).into()),
    ])
}

/// A class's map as a layer to be laid over the whole picture, of its proportions: the hotter, the less transparent.
fn map(prediction: &Prediction, class: usize) -> Result<ImageData, JsValue> {
    let heat = prediction.class_map(class).map_err(|error| failure::of(&error))?;
    let [rows, columns] = heat.size();
    let (height, width) = match prediction.picture() {
        Some(picture) => (picture.height(), picture.width()),
        None => (rows * 32, columns * 32),
    };
    let scale = (MAP_SIDE as f64 / height.max(width) as f64).min(1.0);
    let side = |n: usize| ((n as f64 * scale).round() as usize).max(1);
    let (map_height, map_width) = (side(height), side(width));
    let (across, down) = (width as f64 / map_width as f64, height as f64 / map_height as f64);
    let mut pixels = vec![0; map_height * map_width * 4];
    for (i, pixel) in pixels.chunks_exact_mut(4).enumerate() {
        let (x, y) = (((i % map_width) as f64 + 0.5) * across, ((i / map_width) as f64 + 0.5) * down);
        let (x, y) = match &prediction.region {
            Some(region) => ((x - region.left) / region.width, (y - region.top) / region.height),
            None => (x / width as f64, y / height as f64),
        };
        if (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y) {
            let heat = heat.at(x, y);
            let [red, green, blue] = heat_colour(heat);
            pixel.copy_from_slice(&[red, green, blue, (heat * 255.0).round() as u8]);
        }
    }
    // A copy: an ImageData keeps the array that it is given, which must not be our memory.
    let copy = Uint8ClampedArray::from(&pixels[..]);
    ImageData::new_with_js_u8_clamped_array_and_sh(&copy, map_width as u32, map_height as u32)
}
