//! The settings of one layer, as each version of Keras writes them.

use serde_json::Value;

use crate::architecture::{Activation, Padding};

/// The name of an activation; Keras 3 may write a function as an object.
pub(super) fn activation_of(config: &Value) -> &str {
    let activation = &config["activation"];
    let named =
        activation.as_str().or_else(|| activation["config"].as_str()).or_else(|| activation["class_name"].as_str());
    named.unwrap_or("linear")
}

/// A square window, and its stride.
pub(super) struct Window {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) same: bool,
}

impl Window {
    pub(super) fn convolution(config: &Value) -> Result<Self, String> {
        let kernel =
            pair(&config["kernel_size"]).or_else(|| Some([number(&config["nb_row"])?, number(&config["nb_col"])?]));
        Window::new(kernel, pair(&config["strides"]).or_else(|| pair(&config["subsample"])).or(Some([1, 1])), config)
    }

    pub(super) fn pool(config: &Value) -> Result<Self, String> {
        let size = pair(&config["pool_size"]);
        Window::new(size, pair(&config["strides"]).or(size), config)
    }

    fn new(kernel: Option<[usize; 2]>, stride: Option<[usize; 2]>, config: &Value) -> Result<Self, String> {
        let same = match config["padding"].as_str().or_else(|| config["border_mode"].as_str()).unwrap_or("valid") {
            "same" => true,
            "valid" => false,
            other => return Err(format!("the padding '{other}': 'same' or 'valid' is expected")),
        };
        match (kernel, stride) {
            (Some([kernel, width]), Some([stride, across])) if kernel == width && stride == across => {
                Ok(Window { kernel, stride, same })
            }
            _ => Err("a square window and stride are expected".into()),
        }
    }

    /// The padding, where a layer before it pads by `zeros` (top, left, bottom, right).
    pub(super) fn padding(&self, zeros: [usize; 4]) -> Result<Padding, String> {
        match (self.same, zeros) {
            // Equal on both sides, whatever the size of the picture.
            (true, [0, 0, 0, 0]) if self.stride == 1 && self.kernel % 2 == 1 => Ok(Padding::all(self.kernel / 2)),
            (true, [0, 0, 0, 0]) => Ok(Padding::Same),
            (true, _) => Err("zeros are padded twice, by the layer before it and by padding 'same'".into()),
            (false, [top, left, bottom, right]) => Ok(Padding::Explicit { top, left, bottom, right }),
        }
    }
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|n| usize::try_from(n).ok())
}

/// `[2, 2]`, or `2` for both.
pub(super) fn pair(value: &Value) -> Option<[usize; 2]> {
    match value.as_array().map(Vec::as_slice) {
        Some([a, b]) => Some([number(a)?, number(b)?]),
        Some([a]) => Some([number(a)?; 2]),
        _ => Some([number(value)?; 2]),
    }
}

/// Zeros (top, left, bottom, right) of a `ZeroPadding2D`: a number, `[rows, columns]`, `[[top, bottom], [left, right]]`, or
/// Keras 1's `[top, bottom, left, right]`.
pub(super) fn zero_padding(config: &Value) -> Result<[usize; 4], String> {
    let padding = &config["padding"];
    let sides = match padding.as_array().map(Vec::as_slice) {
        Some([top, bottom, left, right]) => {
            [top, left, bottom, right].map(number).into_iter().collect::<Option<Vec<_>>>()
        }
        Some([rows, columns]) => {
            pair(rows).zip(pair(columns)).map(|([top, bottom], [left, right])| vec![top, left, bottom, right])
        }
        _ => number(padding).map(|n| vec![n; 4]),
    };
    sides.and_then(|sides| sides.try_into().ok()).ok_or_else(|| format!("its padding {padding} cannot be read"))
}

/// What turns the logits into scores.
pub(super) fn output_activation(kind: &str) -> Result<Activation, String> {
    match kind {
        "softmax" => Ok(Activation::Softmax),
        "sigmoid" => Ok(Activation::Sigmoid),
        "linear" => Ok(Activation::None),
        _ => Err(format!("the activation '{kind}' of the classes: softmax, sigmoid or linear is expected")),
    }
}
