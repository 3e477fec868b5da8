//! Weights: the bytes behind a URL, a response, a file or a buffer.

use js_sys::{Array, ArrayBuffer, Function, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use crate::abort::Abort;
use crate::browser::{call, header, ignore, is_a, message, property, request, settled};
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
        let bytes = streamed(&call(source, "stream")?, &name, total, abort, progress).await?;
        return Ok(Source { bytes, name });
    }
    let bytes = buffer(source)?.ok_or_else(|| {
        failure::input("weights are expected as a URL, a Response, a File, a Blob, an ArrayBuffer or a Uint8Array")
    })?;
    Ok(Source { bytes, name: "weights in memory".into() })
}

/// What a browser holds of weights, in bytes. Its memory ends at 4 GiB, and loading needs them several times.
const MAX_BYTES: usize = 1 << 30;

/// The bytes of an `ArrayBuffer`, or of a view of one; None of anything else.
pub(crate) fn buffer(value: &JsValue) -> Result<Option<Vec<u8>>, JsValue> {
    let arguments = if value.has_type::<ArrayBuffer>() {
        Array::of1(value)
    } else if ArrayBuffer::is_view(value) {
        Array::of3(&property(value, "buffer"), &property(value, "byteOffset"), &property(value, "byteLength"))
    } else {
        return Ok(None);
    };
    // Of a buffer that was transferred elsewhere there is no view.
    let array: Function = property(&js_sys::global(), "Uint8Array").dyn_into()?;
    let view = Reflect::construct(&array, &arguments);
    let view: Uint8Array = view
        .map_err(|cause| failure::input(&format!("the buffer cannot be read: {}", message(&cause))))?
        .unchecked_into();
    let mut bytes = reserved(view.length() as usize)?;
    bytes.resize(view.length() as usize, 0);
    view.copy_to(&mut bytes);
    Ok(Some(bytes))
}

/// Memory for so many bytes.
fn reserved(length: usize) -> Result<Vec<u8>, JsValue> {
    let mut bytes = Vec::new();
    if length > MAX_BYTES || bytes.try_reserve_exact(length).is_err() {
        let sentence = format!("{length} bytes are more than a browser has memory for: at most {MAX_BYTES} are read");
        return Err(failure::error(&sentence, "out-of-memory"));
    }
    Ok(bytes)
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
            Ok(()) => {
                failure::error(&format!("{name}: fetching '{}' failed ({})", shortened(&url), message(&cause)), "file")
            }
        }
    })?;
    response(&answer, name, abort, &options.progress).await
}

async fn response(answer: &JsValue, name: String, abort: &Abort, progress: &Progress) -> Result<Source, JsValue> {
    if !property(answer, "ok").is_truthy() {
        let status = property(answer, "status").as_f64().unwrap_or(0.0);
        let words = property(answer, "statusText").as_string().unwrap_or_default();
        let url = property(answer, "url").as_string().unwrap_or_default();
        let status = format!("{status} {words}");
        let (url, status) = (shortened(&url), status.trim());
        let sentence = format!("{name}: fetching '{url}' failed with status {status}: check the address");
        return Err(failure::error(&sentence, "file"));
    }
    if property(answer, "bodyUsed").is_truthy() {
        return Err(failure::error(&format!("{name}: the response was read already: fetch it again"), "file"));
    }
    // The length of what is compressed on the way says nothing of the whole.
    let total = header(answer, "content-length").filter(|_| header(answer, "content-encoding").is_none());
    let total = total.and_then(|length| length.parse().ok());
    let body = property(answer, "body");
    let bytes = if body.is_null_or_undefined() {
        buffer(&settled(call(answer, "arrayBuffer")?).await?)?.unwrap_or_default()
    } else {
        streamed(&body, &name, total, abort, progress).await?
    };
    Ok(Source { bytes, name })
}

/// Everything that a `ReadableStream` yields.
async fn streamed(
    stream: &JsValue,
    name: &str,
    total: Option<f64>,
    abort: &Abort,
    progress: &Progress,
) -> Result<Vec<u8>, JsValue> {
    let broken = |cause: JsValue| match abort.check() {
        Err(reason) => reason,
        Ok(()) => failure::error(&format!("{name}: reading it failed ({})", message(&cause)), "file"),
    };
    let reader = call(stream, "getReader").map_err(broken)?;
    let mut bytes = reserved(total.unwrap_or(0.0) as usize)?;
    loop {
        let part = match call(&reader, "read") {
            Ok(promise) => abort.settled(promise).await,
            Err(cause) => Err(cause),
        };
        let part = match part {
            Ok(part) => part,
            Err(cause) => {
                // What is left of a download is not wanted.
                let _ = call(&reader, "cancel").map(|promise| promise.dyn_into().map(ignore));
                return Err(broken(cause));
            }
        };
        if property(&part, "done").is_truthy() {
            return Ok(bytes);
        }
        let part: Uint8Array = property(&part, "value").dyn_into().map_err(broken)?;
        let (start, end) = (bytes.len(), bytes.len() + part.length() as usize);
        if end > bytes.capacity() {
            // A length is only announced.
            let mut larger = reserved(end.max(2 * start.min(MAX_BYTES / 2)))?;
            larger.append(&mut bytes);
            bytes = larger;
        }
        bytes.resize(end, 0);
        part.copy_to(&mut bytes[start..]);
        progress.tell("download", bytes.len() as f64, total, "reading");
    }
}

/// An address as messages quote it: those of data are long.
fn shortened(url: &str) -> String {
    if url.chars().count() > 200 { url.chars().take(200).chain("..".chars()).collect() } else { url.into() }
}

/// The file's name in an address.
fn name_of(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() || url.starts_with("data:") || url.starts_with("blob:") { "weights".into() } else { name.into() }
}
