//! The class that JavaScript sees.

use std::rc::Rc;

use densenet_wgpu::architecture::Part;
use densenet_wgpu::weights;
use densenet_wgpu::{Prediction, Wanted, Weights};
use js_sys::{Array, Float32Array};
use wasm_bindgen::prelude::*;

use crate::abort::Abort;
use crate::answer::{self, object};
use crate::browser::{breathe, now, settled};
use crate::image::{self, Given};
use crate::network::Network;
use crate::options::{Cam, Classify, Load};
use crate::rest::pause;
use crate::{adapter, failure, source};

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
        let weights = weights::embedded().map_err(|error| failure::of(&error))?;
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
        let file = source::read(&settled(source).await?, &options, &abort).await?;
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
    pub async fn classify(&self, image: JsValue, options: JsValue) -> Result<JsValue, JsValue> {
        let wanted = Classify::read(&options)?;
        let abort = Abort::new(wanted.signal.clone())?;
        let start = now();
        let mut outputs: Vec<Wanted> = wanted.taps.iter().cloned().map(Wanted::Tap).collect();
        if wanted.cam != Cam::None {
            outputs.push(Wanted::ClassMaps);
        }
        let (predictions, is_one) = self.run(&image, &outputs, &abort).await?;
        let milliseconds = now() - start;
        let answers = predictions.iter().map(|prediction| answer::of(prediction, &wanted, milliseconds));
        let answers = answers.collect::<Result<Vec<JsValue>, JsValue>>()?;
        Ok(if is_one { answers[0].clone() } else { answers.into_iter().collect::<Array>().into() })
    }

    /// The pooled features of a picture or a tensor: what the last layer reads.
    #[wasm_bindgen(skip_typescript)]
    pub async fn features(&self, image: JsValue) -> Result<JsValue, JsValue> {
        let abort = Abort::new(JsValue::UNDEFINED)?;
        let (predictions, is_one) = self.run(&image, &[Wanted::Features], &abort).await?;
        let features = predictions
            .iter()
            .map(|prediction| JsValue::from(Float32Array::from(prediction.features().unwrap_or_default())));
        let features: Vec<JsValue> = features.collect();
        Ok(if is_one { features[0].clone() } else { features.into_iter().collect::<Array>().into() })
    }

    async fn run(
        &self,
        image: &JsValue,
        outputs: &[Wanted],
        abort: &Abort,
    ) -> Result<(Vec<Prediction>, bool), JsValue> {
        let (inputs, is_one) = match image::read(image).await? {
            Given::One(input) => (vec![input], true),
            Given::Many(inputs) => (inputs, false),
        };
        // Of this object nothing is borrowed while the engine works, so that `free()` is possible.
        let network = self.network.clone();
        Ok((network.classify(inputs, outputs, abort).await?, is_one))
    }

    fn inner(&self) -> densenet_wgpu::Classifier {
        self.network.classifier()
    }
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
