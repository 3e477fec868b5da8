//! Downloads that are kept, in the browser's own storage, until the server has something newer.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::browser::{call, header, ignore, property, request, settled};

/// The cache's name, the same for every page of a site.
const NAME: &str = "densenet-wgpu";

/// A response from the cache, if the server's ETag is that of what is kept, or the server cannot be asked; else from the server.
pub(crate) async fn request_cached(url: &JsValue, init: &Object) -> Result<JsValue, JsValue> {
    // Only secure pages have a cache.
    let caches = property(&js_sys::global(), "caches");
    if caches.is_undefined() {
        return request(url, init).await;
    }
    // Some pages may not keep anything.
    let cache = match with(&caches, "open", &[&NAME.into()]) {
        Ok(promise) => settled(promise).await,
        Err(reason) => Err(reason),
    };
    let Ok(cache) = cache else { return request(url, init).await };
    let kept = settled(with(&cache, "match", &[url])?).await?;
    if !kept.is_undefined() && is_current(url, init, &kept).await {
        return Ok(kept);
    }
    let response = request(url, init).await?;
    if property(&response, "ok").is_truthy() {
        // Kept while it is read. What does not fit is not kept.
        let copy = call(&response, "clone")?;
        with(&cache, "put", &[url, &copy])?.dyn_into::<Promise>().map(ignore)?;
    }
    Ok(response)
}

/// A text that was kept under an address.
#[cfg(feature = "gpu")]
pub(crate) async fn kept(address: &JsValue) -> Option<String> {
    let kept = settled(with(&opened().await?, "match", &[address]).ok()?).await.ok()?;
    settled(call(&kept, "text").ok()?).await.ok()?.as_string()
}

/// Keeps a text under an address, where the page may.
#[cfg(feature = "gpu")]
pub(crate) async fn keep(address: &JsValue, text: &str) {
    let Some(cache) = opened().await else { return };
    let Ok(class) = property(&js_sys::global(), "Response").dyn_into::<Function>() else { return };
    let Ok(response) = js_sys::Reflect::construct(&class, &js_sys::Array::of1(&text.into())) else { return };
    if let Ok(promise) = with(&cache, "put", &[address, &response]) {
        // Who may not keep anything finds it out again.
        let _ = settled(promise).await;
    }
}

/// The cache, where this page has one.
#[cfg(feature = "gpu")]
async fn opened() -> Option<JsValue> {
    let caches = property(&js_sys::global(), "caches");
    settled(with(&caches, "open", &[&NAME.into()]).ok()?).await.ok()
}

async fn is_current(url: &JsValue, init: &Object, kept: &JsValue) -> bool {
    let question = Object::assign(&Object::new(), init);
    let asked = Reflect::set(&question, &"method".into(), &"HEAD".into()).is_ok();
    match request(url, &question).await {
        Ok(answer) if asked => header(&answer, "etag").is_some_and(|tag| header(kept, "etag") == Some(tag)),
        // Offline. If the caller has stopped it, that shows at the next step.
        _ => true,
    }
}

fn with(of: &JsValue, method: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let method: Function = property(of, method).dyn_into()?;
    method.apply(of, &arguments.iter().copied().collect())
}
