//! What computes, in words and as the browser tells it.

use densenet_wgpu::Classifier;
use wasm_bindgen::JsValue;

use crate::answer::object;
use crate::browser::{call, property, settled};

/// What computes, as far as the browser tells.
pub(crate) async fn of(inner: &Classifier) -> JsValue {
    let description = inner.engine();
    let is_gpu = is_on_gpu(inner);
    let mut fields: Vec<(&str, JsValue)> =
        vec![("engine", if is_gpu { "gpu" } else { "cpu" }.into()), ("description", description.as_str().into())];
    if is_gpu && let Some(info) = adapter_info().await {
        for name in ["vendor", "architecture"] {
            fields.push((name, property(&info, name)));
        }
        fields.push(("isFallback", property(&info, "isFallbackAdapter").is_truthy().into()));
    }
    object(&fields)
}

/// The browser's description of its adapter, of which wgpu passes on only a part.
pub(crate) async fn adapter_info() -> Option<JsValue> {
    let gpu = property(&property(&js_sys::global(), "navigator"), "gpu");
    let adapter = settled(call(&gpu, "requestAdapter").ok()?).await.ok()?;
    Some(property(&adapter, "info")).filter(|info| info.is_object())
}

/// Whether an adapter computes.
pub(crate) fn is_on_gpu(classifier: &Classifier) -> bool {
    #[cfg(feature = "gpu")]
    return classifier.model().is_some();
    #[cfg(not(feature = "gpu"))]
    return {
        let _ = classifier;
        false
    };
}
