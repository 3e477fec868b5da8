//! What is asked of the browser, whether on a page or in a worker.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageChannel;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    fn fetch(url: &JsValue, init: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_name = createImageBitmap, catch)]
    fn create_image_bitmap(source: &JsValue, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = performance)]
    pub(crate) fn now() -> f64;

    #[wasm_bindgen(js_namespace = console, js_name = error)]
    pub(crate) fn console_error(text: &str);
}

/// A property; `undefined` where there is none.
pub(crate) fn property(of: &JsValue, name: &str) -> JsValue {
    if of.is_null_or_undefined() {
        return JsValue::UNDEFINED;
    }
    Reflect::get(of, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Whether a value was made by this constructor of the browser, such as `Blob`.
pub(crate) fn is_a(value: &JsValue, class: &str) -> bool {
    property(&js_sys::global(), class).dyn_ref::<Function>().is_some_and(|class| {
        let prototype: js_sys::Object = property(class, "prototype").unchecked_into();
        value.is_object() && prototype.is_prototype_of(value)
    })
}

/// What an exception says.
pub(crate) fn message(cause: &JsValue) -> String {
    property(cause, "message").as_string().unwrap_or_else(|| "no reason is given".into())
}

/// Calls a method without arguments.
pub(crate) fn call(of: &JsValue, method: &str) -> Result<JsValue, JsValue> {
    let method: Function = property(of, method).dyn_into()?;
    method.call0(of)
}

/// What a promise comes to.
pub(crate) async fn settled(value: JsValue) -> Result<JsValue, JsValue> {
    match value.dyn_into::<Promise>() {
        Ok(promise) => JsFuture::from(promise).await,
        Err(value) => Ok(value),
    }
}

/// The response to a request.
pub(crate) async fn request(url: &JsValue, init: &JsValue) -> Result<JsValue, JsValue> {
    JsFuture::from(fetch(url, init)?).await
}

/// A picture that the browser decodes. Colour profiles are ignored, as our own decoder ignores them.
pub(crate) async fn bitmap(source: &JsValue) -> Result<JsValue, JsValue> {
    let options = js_sys::Object::new();
    Reflect::set(&options, &"colorSpaceConversion".into(), &"none".into())?;
    JsFuture::from(create_image_bitmap(source, &options)?).await
}

/// Lets the page draw and answer. By a message: of timers, browsers make one that is in a hurry wait for 4 ms, and pages in the
/// background for a second.
pub(crate) async fn breathe() {
    let Ok(channel) = MessageChannel::new() else { return };
    let (here, there) = (channel.port1(), channel.port2());
    let wait = Promise::new(&mut |resolve, _| {
        here.set_onmessage(Some(&resolve));
        // Nothing that could not be copied is sent.
        let _ = there.post_message(&JsValue::NULL);
    });
    // A message to oneself arrives.
    let _ = JsFuture::from(wait).await;
    here.close();
}

/// A header of a response.
pub(crate) fn header(response: &JsValue, name: &str) -> Option<String> {
    let headers = property(response, "headers");
    let get: Function = property(&headers, "get").dyn_into().ok()?;
    get.call1(&headers, &name.into()).ok()?.as_string()
}

/// A promise whose failure nobody waits for.
pub(crate) fn ignore(promise: Promise) {
    wasm_bindgen_futures::spawn_local(async move { drop(JsFuture::from(promise).await) });
}
