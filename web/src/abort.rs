//! JavaScript's `AbortSignal`, as the library's token.

use densenet_wgpu::{CancelToken, Error};
use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;

use crate::browser::{ignore, property, settled};
use crate::failure;

/// A signal that is listened to until this is dropped.
pub(crate) struct Abort {
    signal: JsValue,
    pub(crate) token: CancelToken,
    /// Fails with the signal's reason once that was given.
    stopped: Promise,
    heard: Closure<dyn FnMut()>,
}

impl Abort {
    /// `signal` may be `undefined`.
    pub(crate) fn new(signal: JsValue) -> Result<Abort, JsValue> {
        let token = CancelToken::new();
        let mut stop = None;
        let stopped = Promise::new(&mut |_, reject| stop = Some(reject));
        // Nobody may be waiting for it.
        ignore(stopped.clone());
        let (cancel, asked) = (token.clone(), signal.clone());
        let heard = Closure::new(move || {
            cancel.cancel();
            let stop = stop.as_ref().map(|stop| stop.call1(&JsValue::UNDEFINED, &property(&asked, "reason")));
            drop(stop);
        });
        let abort = Abort { signal, token, stopped, heard };
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

    /// What a promise comes to, or the signal's reason if that is given before.
    pub(crate) async fn settled(&self, value: JsValue) -> Result<JsValue, JsValue> {
        self.check()?;
        settled(Promise::race(&Array::of2(&value, &self.stopped)).into()).await
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
