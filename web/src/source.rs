//! Weights: the bytes behind a URL, a response, a file or a buffer.

use js_sys::{ArrayBuffer, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use crate::abort::Abort;
use crate::browser::{call, header, ignore, is_a, property, request, settled};
use crate::cache::request_cached;
use crate::failure;
use crate::options::{Load, Progress};

/// Bytes, and what messages call them.
pub(crate) struct Source {
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: String,
}

/// Reads a source. Where the browser hands it over piece by piece, `progress` is told of each.
pub(crate) async fn read(source: &JsValue, options: &Load, abort: &Abort) -> Result<Source, JsValue> {
    let progress = &options.progress;
    let url = if is_a(source, "URL") { property(source, "href") } else { source.clone() };
    if let Some(text) = url.as_string() {
        return download(&url, text, options, abort).await;
    }
    if is_a(source, "Response") {
        let url = property(source, "url").as_string().unwrap_or_default();
        return response(source, name_of(&url), abort, progress).await;
    }
    if is_a(source, "Blob") {
        let name = property(source, "name").as_string().unwrap_or_else(|| "weights in memory".into());
        let total = property(source, "size").as_f64();
        let bytes = streamed(&call(source, "stream")?, total, abort, progress).await?;
        return Ok(Source { bytes, name });
    }
    let bytes = buffer(source).ok_or_else(|| {
        failure::input("weights are expected as a URL, a Response, a File, a Blob, an ArrayBuffer or a Uint8Array")
    })?;
    Ok(Source { bytes, name: "weights in memory".into() })
}

/// The bytes of an `ArrayBuffer`, or of a view of one.
pub(crate) fn buffer(value: &JsValue) -> Option<Vec<u8>> {
    if let Some(buffer) = value.dyn_ref::<ArrayBuffer>() {
        return Some(Uint8Array::new(buffer).to_vec());
    }
    if !ArrayBuffer::is_view(value) {
        return None;
    }
    let number = |name: &str| property(value, name).as_f64().unwrap_or(0.0) as u32;
    let view = Uint8Array::new_with_byte_offset_and_length(
        &property(value, "buffer"),
        number("byteOffset"),
        number("byteLength"),
    );
    Some(view.to_vec())
}

async fn download(target: &JsValue, url: String, options: &Load, abort: &Abort) -> Result<Source, JsValue> {
    let init = Object::new();
    if !abort.signal().is_undefined() {
        Reflect::set(&init, &"signal".into(), abort.signal())?;
    }
    let name = name_of(&url);
    let answer = if options.cache { request_cached(target, &init).await } else { request(target, &init).await };
    let answer = answer.map_err(|cause| {
        // An abort is the caller's own doing; anything else wants the address.
        match abort.check() {
            Err(reason) => reason,
            Ok(()) => failure::error(&format!("{name}: fetching '{url}' failed ({})", text(&cause)), "file"),
        }
    })?;
    response(&answer, name, abort, &options.progress).await
}

async fn response(answer: &JsValue, name: String, abort: &Abort, progress: &Progress) -> Result<Source, JsValue> {
    if !property(answer, "ok").is_truthy() {
        let status = property(answer, "status").as_f64().unwrap_or(0.0);
        let words = property(answer, "statusText").as_string().unwrap_or_default();
        let url = property(answer, "url").as_string().unwrap_or_default();
        let sentence = format!("{name}: fetching '{url}' failed with status {status} {words}: check the address");
        return Err(failure::error(sentence.trim(), "file"));
    }
    // The length of what is compressed on the way says nothing of the whole.
    let total = header(answer, "content-length").filter(|_| header(answer, "content-encoding").is_none());
    let total = total.and_then(|length| length.parse().ok());
    let body = property(answer, "body");
    let bytes = if body.is_null_or_undefined() {
        buffer(&settled(call(answer, "arrayBuffer")?).await?).unwrap_or_default()
    } else {
        streamed(&body, total, abort, progress).await?
    };
    Ok(Source { bytes, name })
}

/// Everything that a `ReadableStream` yields.
async fn streamed(
    stream: &JsValue,
    total: Option<f64>,
    abort: &Abort,
    progress: &Progress,
) -> Result<Vec<u8>, JsValue> {
    /// What is reserved ahead at most: a length is only announced.
    const RESERVED: f64 = (1 << 30) as f64;
    let reader = call(stream, "getReader")?;
    let mut bytes = Vec::with_capacity(total.unwrap_or(0.0).clamp(0.0, RESERVED) as usize);
    loop {
        let part = match abort.check() {
            Ok(()) => settled(call(&reader, "read")?).await,
            Err(reason) => Err(reason),
        };
        let part = match part {
            Ok(part) => part,
            Err(reason) => {
                // What is left of a download is not wanted.
                let _ = call(&reader, "cancel").map(|promise| promise.dyn_into().map(ignore));
                abort.check()?;
                return Err(reason);
            }
        };
        if property(&part, "done").is_truthy() {
            return Ok(bytes);
        }
        let part: Uint8Array = property(&part, "value").dyn_into()?;
        let start = bytes.len();
        bytes.resize(start + part.length() as usize, 0);
        part.copy_to(&mut bytes[start..]);
        progress.tell("download", bytes.len() as f64, total, "reading");
    }
}

/// The file's name in an address.
fn name_of(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() || url.starts_with("data:") || url.starts_with("blob:") { "weights".into() } else { name.into() }
}

fn text(cause: &JsValue) -> String {
    property(cause, "message").as_string().unwrap_or_else(|| "no reason is given".into())
}
