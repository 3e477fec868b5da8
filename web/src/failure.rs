//! Errors of JavaScript: the library's sentence, and a `code` that programs can tell apart.

use densenet_wgpu::Error;
use js_sys::{Error as JsError, Reflect};
use wasm_bindgen::JsValue;

/// A JavaScript `Error` of this sentence.
pub(crate) fn error(sentence: &str, code: &str) -> JsValue {
    let error = JsError::new(sentence);
    error.set_name("DenseNetError");
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}

/// The same of the library's error.
pub(crate) fn of(failure: &Error) -> JsValue {
    let code = match failure {
        Error::Io { .. } | Error::File { .. } => "file",
        Error::Architecture(_) | Error::Weights(_) => "weights",
        Error::Input(_) => "input",
        Error::Tap { .. } => "tap",
        Error::Limit { .. } => "limit",
        Error::NoAdapter(_) => "no-adapter",
        Error::OutOfMemory(_) => "out-of-memory",
        Error::DeviceLost(_) => "device-lost",
        Error::Cancelled => "cancelled",
        _ => "device",
    };
    let sentence = match std::error::Error::source(failure) {
        Some(cause) => format!("{failure}: {cause}"),
        None => failure.to_string(),
    };
    error(&sentence, code)
}

/// The input is not what is expected.
pub(crate) fn input(sentence: &str) -> JsValue {
    error(&format!("input: {sentence}"), "input")
}
