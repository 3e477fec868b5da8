//! JavaScript's `AbortSignal`, as the library's token.

use densenet_wgpu::{CancelToken, Error};
use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::browser::property;
use crate::failure;

/// A signal that is listened to until this is dropped.
pub(crate) struct Abort {
    signal: JsValue,
    pub(crate) token: CancelToken,
    heard: Closure<dyn FnMut()>,
}

impl Abort {
    /// `signal` may be `undefined`.
    pub(crate) fn new(signal: JsValue) -> Result<Abort, JsValue> {
        let token = CancelToken::new();
        let clone = token.clone();
        let abort = Abort { signal, token, heard: Closure::new(move || clone.cancel()) };
        if !abort.signal.is_undefined() {
            if !abort.signal.has_type::<web_sys::AbortSignal>() {
                return Err(failure::input("`signal` is no AbortSignal"));
            }
            abort.listener("addEventListener")?;
        }
        abort.check()?;
        Ok(abort)
    }

    /// The signal's reason, once it was given.
    pub(crate) fn check(&self) -> Result<(), JsValue> {
        if property(&self.signal, "aborted").is_truthy() { Err(property(&self.signal, "reason")) } else { Ok(()) }
    }

    /// The error as JavaScript sees it: of what was cancelled, the signal's reason.
    pub(crate) fn failure(&self, error: &Error) -> JsValue {
        match (error, self.check()) {
            (Error::Cancelled, Err(reason)) => reason,
            _ => failure::of(error),
        }
    }

    pub(crate) fn signal(&self) -> &JsValue {
        &self.signal
    }

    fn listener(&self, method: &str) -> Result<(), JsValue> {
        let method: Function = property(&self.signal, method).dyn_into()?;
        method.call2(&self.signal, &"abort".into(), self.heard.as_ref()).map(drop)
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        if !self.signal.is_undefined() {
            // The listener is forgotten with the signal otherwise.
            let _ = self.listener("removeEventListener");
        }
    }
}
