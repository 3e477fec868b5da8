//! What the device of a classifier makes of the kernels.

use densenet_wgpu::gpu::Verdict;
use densenet_wgpu::low_level::kernels::Variant;
use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use crate::answer::object;
use crate::classifier::Classifier;
use crate::failure;

#[wasm_bindgen]
impl Classifier {
    /// The variants of kernels that answered this device's self-test so far, and how; none on the CPU.
    #[wasm_bindgen(getter, js_name = selfTest, unchecked_return_type = "KernelVerdict[]")]
    pub fn self_test(&self) -> JsValue {
        let found = self.inner().model().map(|model| model.gpu().self_test()).unwrap_or_default();
        verdicts(found.into_iter().map(|(variant, verdict)| (variant, Some(verdict))))
    }

    /// Asks this device about every variant of every kernel, which takes minutes where each has to be compiled first; for a report
    /// about an adapter. `onProgress(done, total)` is called meanwhile.
    #[wasm_bindgen(unchecked_return_type = "Promise<KernelVerdict[]>")]
    pub fn examine(
        &self,
        #[wasm_bindgen(js_name = onProgress, unchecked_optional_param_type = "(done: number, total: number) => void")]
        told: JsValue,
    ) -> Promise {
        // An async method would borrow this object until it ends, and `free()` would fail meanwhile.
        let classifier = self.inner();
        future_to_promise(async move {
            let Some(model) = classifier.model() else { return Ok(Array::new().into()) };
            let told = told.dyn_into::<Function>().ok();
            let progress = |done: usize, total: usize| {
                if let Some(told) = &told {
                    // What a callback throws is its own business.
                    let _ = told.call2(&JsValue::NULL, &(done as f64).into(), &(total as f64).into());
                }
            };
            let found = model.gpu().examine(progress).await.map_err(|error| failure::of(&error))?;
            Ok(verdicts(found))
        })
    }
}

fn verdicts(found: impl IntoIterator<Item = (Variant, Option<Verdict>)>) -> JsValue {
    let one = |(variant, verdict): (Variant, Option<Verdict>)| {
        let (result, reason) = match verdict {
            Some(Verdict::Right) => ("ok", None),
            Some(Verdict::Wrong(reason)) => ("wrong", Some(reason)),
            Some(Verdict::Failed(reason)) => ("failed", Some(reason)),
            None => ("unsupported", None),
        };
        object(&[
            ("kernel", variant.kernel.name().into()),
            ("variant", variant.to_string().into()),
            ("result", result.into()),
            ("reason", reason.map_or(JsValue::NULL, JsValue::from)),
        ])
    };
    found.into_iter().map(one).collect::<Array>().into()
}
