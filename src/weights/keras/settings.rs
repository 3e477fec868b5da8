//! The settings of one layer, as each version of Keras writes them.

use serde_json::Value;

use super::super::graph::{Function, Window, WindowPadding};

/// The name of an activation; Keras 3 may write a function as an object.
pub(super) fn activation_of(config: &Value) -> &str {
    let activation = &config["activation"];
    let named =
        activation.as_str().or_else(|| activation["config"].as_str()).or_else(|| activation["class_name"].as_str());
    named.unwrap_or("linear")
}

/// The window of a convolution or a pooling, whose kernel is `kernel`.
pub(super) fn window(
    config: &Value,
    kernel: Option<[usize; 2]>,
    stride: [usize; 2],
    first: bool,
) -> Result<Window, String> {
    let stride = pair(&config["strides"]).or_else(|| pair(&config["subsample"])).unwrap_or(stride);
    let padding = match config["padding"].as_str().or_else(|| config["border_mode"].as_str()).unwrap_or("valid") {
        "same" => WindowPadding::Same,
        "valid" => WindowPadding::Explicit([0; 4]),
        other => return Err(format!("the padding '{other}': 'same' or 'valid' is expected")),
    };
    Ok(Window {
        kernel: kernel.ok_or("a square window and stride are expected")?,
        stride,
        dilation: pair(&config["dilation_rate"]).unwrap_or([1, 1]),
        padding,
        ceil: false,
        channel_axis: if channels_first(config).unwrap_or(first) { 1 } else { 3 },
    })
}

/// A convolution's kernel.
pub(super) fn kernel(config: &Value) -> Option<[usize; 2]> {
    pair(&config["kernel_size"]).or_else(|| Some([number(&config["nb_row"])?, number(&config["nb_col"])?]))
}

/// Whether a layer says that channels come before rows.
pub(super) fn channels_first(config: &Value) -> Option<bool> {
    match config["data_format"].as_str().or_else(|| config["dim_ordering"].as_str())? {
        "channels_first" | "th" => Some(true),
        "channels_last" | "tf" => Some(false),
        _ => None,
    }
}

pub(super) fn number(value: &Value) -> Option<usize> {
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

/// What an activation does.
pub(super) enum Activated {
    Nothing,
    Function(Function),
    Softmax { log: bool },
}

/// The activation of this name.
pub(super) fn activation(name: &str) -> Option<Activated> {
    Some(Activated::Function(match name {
        "linear" => return Some(Activated::Nothing),
        "softmax" => return Some(Activated::Softmax { log: false }),
        "log_softmax" => return Some(Activated::Softmax { log: true }),
        "relu" => Function::Relu,
        "leaky_relu" => Function::LeakyRelu(0.2),
        "relu6" => Function::Clip(0.0, 6.0),
        "gelu" => Function::Gelu,
        "silu" | "swish" => Function::Silu,
        "tanh" => Function::Tanh,
        "sigmoid" => Function::Sigmoid,
        "elu" => Function::Elu(1.0),
        "softplus" => Function::Softplus,
        _ => return None,
    }))
}

/// An axis, or the first of a list.
pub(super) fn axis(value: &Value) -> Option<isize> {
    let number = value.as_i64().or_else(|| value[0].as_i64())?;
    isize::try_from(number).ok()
}

/// One axis or several.
pub(super) fn axes(value: &Value) -> Option<Vec<isize>> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    list.iter().take(9).map(|value| isize::try_from(value.as_i64()?).ok()).collect()
}
