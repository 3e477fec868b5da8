//! What a GPU's self-test and measurements found, kept in the browser's own storage. The library lets it count for a week, since a
//! browser does not say when the driver below it changes.

use densenet_wgpu::Gpu;
use js_sys::Array;
use wasm_bindgen::JsValue;

use crate::adapter::adapter_info;
use crate::browser::property;
use crate::cache;

/// What was found the last time.
pub(crate) async fn kept() -> Option<String> {
    cache::kept(&name().await).await
}

/// Keeps what was found, if it is not what was kept.
pub(crate) async fn keep(gpu: &Gpu) {
    let (name, text) = (name().await, gpu.memory());
    if cache::kept(&name).await.is_none_or(|kept| kept != text) {
        cache::keep(&name, &text).await;
    }
}

/// An address that nobody serves, and that says what is known of the adapter and the browser.
async fn name() -> JsValue {
    let navigator = property(&js_sys::global(), "navigator");
    let info = adapter_info().await.unwrap_or(JsValue::UNDEFINED);
    let words = ["vendor", "architecture", "device", "description"].map(|word| property(&info, word));
    let all: Array = words.into_iter().chain([property(&navigator, "userAgent")]).collect();
    let encoded = js_sys::encode_uri_component(&String::from(all.join(" ")));
    JsValue::from(format!("https://densenet-wgpu.invalid/adapter?{}", String::from(encoded)))
}
