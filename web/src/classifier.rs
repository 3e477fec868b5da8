//! The class that JavaScript sees.

use std::rc::Rc;

use densenet_wgpu::architecture::Part;
use densenet_wgpu::weights;
use densenet_wgpu::{Prediction, Wanted, Weights};
use js_sys::{Array, Float32Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use crate::abort::Abort;
use crate::answer::{self, object};
use crate::browser::{breathe, now};
use crate::network::Network;
use crate::options::{Cam, Classify, Load};
use crate::rest::pause;
use crate::{adapter, failure, image, source};

/// A network with its engine, its preprocessing and the names of its classes.
#[wasm_bindgen]
pub struct Classifier {
    network: Rc<Network>,
    adapter: JsValue,
}

#[cfg(feature = "embedded")]
#[wasm_bindgen]
impl Classifier {
    /// The digit model that the package carries: handwritten digits, 28x28 pixels.
    #[wasm_bindgen(unchecked_return_type = "Classifier")]
    pub async fn embedded(
        #[wasm_bindgen(unchecked_optional_param_type = "LoadOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let options = Load::read(&options)?;
        let abort = Abort::new(options.signal.clone())?;
        let weights = weights::embedded_with(&options.open).map_err(|error| failure::of(&error))?;
        Classifier::of(weights, options, &abort).await
    }
}

#[wasm_bindgen]
impl Classifier {
    /// Loads a weight file: safetensors, PyTorch, Keras or ONNX.
    #[wasm_bindgen(unchecked_return_type = "Classifier")]
    pub async fn load(
        #[wasm_bindgen(unchecked_param_type = "WeightSource")] source: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "LoadOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let options = Load::read(&options)?;
        let abort = Abort::new(options.signal.clone())?;
        let file = source::read(&abort.settled(source).await?, &options, &abort).await?;
        options.progress.tell("load", 0.0, None, "reading weights");
        breathe().await;
        abort.check()?;
        let weights = weights::from_bytes_with(&file.bytes, &file.name, &options.open, &pause()).await;
        let weights = weights.map_err(|error| abort.failure(&error))?;
        drop(file);
        Classifier::of(weights, options, &abort).await
    }

    async fn of(weights: Weights, options: Load, abort: &Abort) -> Result<JsValue, JsValue> {
        breathe().await;
        abort.check()?;
        let network = Network::load(weights, options, abort).await?;
        let adapter = adapter::of(&network.classifier()).await;
        Ok(Classifier { network: Rc::new(network), adapter }.into())
    }

    /// What computes.
    #[wasm_bindgen(getter, unchecked_return_type = "Adapter")]
    pub fn adapter(&self) -> JsValue {
        self.adapter.clone()
    }

    /// Names of the classes.
    #[wasm_bindgen(getter)]
    pub fn labels(&self) -> Vec<String> {
        self.inner().labels().to_vec()
    }

    /// The network's name, such as "densenet121".
    #[wasm_bindgen(getter)]
    pub fn architecture(&self) -> String {
        self.inner().architecture().name.clone()
    }

    /// The parts of the network whose feature maps `classify` can give, in their order.
    #[wasm_bindgen(getter, unchecked_return_type = "Layer[]")]
    pub fn layers(&self) -> JsValue {
        let layers = Array::new();
        for part in self.inner().architecture().parts() {
            let (name, kind, block, channels) = match &part {
                Part::Stem(stem) => {
                    let last = stem.pool.or(stem.norm_relu.map(|[_, relu]| relu)).unwrap_or(stem.conv);
                    (last.to_string(), "stem", None, stem.output_channels)
                }
                Part::DenseLayer(layer) => (layer.name.clone(), "layer", Some(layer.block), layer.new_channels),
                Part::BlockEnd(block) => (block.name.clone(), "block", Some(block.block), block.output_channels),
                Part::Transition(transition) => {
                    (transition.name.clone(), "transition", Some(transition.block), transition.output_channels)
                }
                _ => continue,
            };
            let block = block.map_or(JsValue::UNDEFINED, |block| (block as f64).into());
            layers.push(&object(&[
                ("name", name.into()),
                ("kind", kind.into()),
                ("block", block),
                ("channels", (channels as f64).into()),
            ]));
        }
        layers.into()
    }

    /// What the weight file leaves open and was assumed.
    #[wasm_bindgen(getter)]
    pub fn warnings(&self) -> Vec<String> {
        self.inner().origin().warnings.clone()
    }

    /// Bytes of weights and activations.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> f64 {
        self.inner().device_bytes() as f64
    }

    /// Classifies a picture or a tensor; of an array, or a tensor of several images, all of them.
    #[wasm_bindgen(skip_typescript)]
    pub fn classify(&self, image: JsValue, options: JsValue) -> Promise {
        // An async method would borrow this object until it ends, and `free()` would fail meanwhile.
        let network = self.network.clone();
        future_to_promise(async move { classify(&network, &image, &options).await })
    }

    /// The pooled features of a picture or a tensor: what the last layer reads.
    #[wasm_bindgen(skip_typescript)]
    pub fn features(&self, image: JsValue) -> Promise {
        let network = self.network.clone();
        future_to_promise(async move { features(&network, &image).await })
    }

    pub(crate) fn inner(&self) -> densenet_wgpu::Classifier {
        self.network.classifier()
    }
}

async fn classify(network: &Network, image: &JsValue, options: &JsValue) -> Result<JsValue, JsValue> {
    let wanted = Classify::read(options)?;
    let abort = Abort::new(wanted.signal.clone())?;
    let start = now();
    let mut outputs: Vec<Wanted> = wanted.taps.iter().cloned().map(Wanted::Tap).collect();
    if wanted.cam != Cam::None {
        if network.classifier().labels().is_empty() {
            return Err(failure::input("`cam` is a map of a class, and this network has no classes"));
        }
        outputs.push(Wanted::ClassMaps);
    }
    let (predictions, is_one) = run(network, image, &outputs, &abort).await?;
    let milliseconds = now() - start;
    let answers = predictions.iter().map(|prediction| answer::of(prediction, &wanted, milliseconds));
    listed(answers.collect::<Result<Vec<JsValue>, JsValue>>()?, is_one)
}

async fn features(network: &Network, image: &JsValue) -> Result<JsValue, JsValue> {
    let abort = Abort::new(JsValue::UNDEFINED)?;
    let (predictions, is_one) = run(network, image, &[Wanted::Features], &abort).await?;
    let features = |prediction: &Prediction| Float32Array::from(prediction.features().unwrap_or_default()).into();
    listed(predictions.iter().map(features).collect(), is_one)
}

/// The only answer, or all of them as an array.
fn listed(answers: Vec<JsValue>, is_one: bool) -> Result<JsValue, JsValue> {
    match is_one {
        true => answers.into_iter().next().ok_or_else(|| failure::input("no picture was given")),
        false => Ok(answers.into_iter().collect::<Array>().into()),
    }
}

/// Reads pictures and classifies them, a pass at a time: of many, only those of one pass are in memory.
async fn run(
    network: &Network,
    given: &JsValue,
    outputs: &[Wanted],
    abort: &Abort,
) -> Result<(Vec<Prediction>, bool), JsValue> {
    let (items, mut is_one) = match given.dyn_ref::<Array>() {
        Some(list) => (list.to_vec(), false),
        None => (vec![given.clone()], true),
    };
    let (mut waiting, mut predictions) = (Vec::new(), Vec::new());
    for item in &items {
        abort.check()?;
        let inputs = image::read(item).await?;
        is_one &= inputs.len() == 1;
        waiting.extend(inputs);
        if waiting.len() >= network.pass() {
            predictions.extend(network.classify(std::mem::take(&mut waiting), outputs, abort).await?);
        }
    }
    predictions.extend(network.classify(waiting, outputs, abort).await?);
    Ok((predictions, is_one))
}

#[wasm_bindgen(typescript_custom_section)]
const METHODS: &str = r#"
export interface Classifier {
    /** Classifies a picture or a tensor; of an array, all of them. */
    classify(image: Picture | ImageTensor, options?: ClassifyOptions): Promise<Classification>;
    classify(images: readonly (Picture | TensorInput)[], options?: ClassifyOptions): Promise<Classification[]>;
    /** A tensor of four axes is one image if the first is 1, else several. */
    classify(
        input: Picture | TensorInput | readonly (Picture | TensorInput)[], options?: ClassifyOptions,
    ): Promise<Classification | Classification[]>;
    /** The pooled features: what the last layer reads. */
    features(image: Picture | ImageTensor): Promise<Float32Array>;
    features(images: readonly (Picture | TensorInput)[]): Promise<Float32Array[]>;
    features(input: Picture | TensorInput | readonly (Picture | TensorInput)[]): Promise<Float32Array | Float32Array[]>;
}
"#;
