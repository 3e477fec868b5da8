//! Rests while a network is loaded, so that a page stays awake.

use std::cell::Cell;
use std::rc::Rc;

use densenet_wgpu::Pause;
use send_wrapper::SendWrapper;

use crate::browser::{breathe, now};

/// Milliseconds of work between two rests: a frame of a page takes 16, and a part of the work that is larger than others comes
/// on top.
const WORK: f64 = 12.0;

/// Rests whenever there was enough work.
pub(crate) fn pause() -> Pause {
    let last = SendWrapper::new(Rc::new(Cell::new(now())));
    Pause::new(move || {
        let last = last.clone();
        Box::pin(SendWrapper::new(async move {
            if now() - last.get() >= WORK {
                breathe().await;
                last.set(now());
            }
        }))
    })
}
