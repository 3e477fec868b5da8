//! What callers choose.

use densenet_wgpu::weights::{HeadSpec, OpenOptions};
use densenet_wgpu::{Activation, KernelFamily, Preprocessing};
use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::browser::property;
use crate::failure;

/// What computes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Engine {
    Auto,
    Gpu,
    Cpu,
}

/// `{ onProgress, engine, kernels, labels, preprocessing, activation, head, part, cache, signal }`.
pub(crate) struct Load {
    pub(crate) engine: Engine,
    pub(crate) kernels: Option<KernelFamily>,
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) progress: Progress,
    /// What a file of parameters leaves open.
    pub(crate) open: OpenOptions,
    /// Whether downloads are kept.
    pub(crate) cache: bool,
    pub(crate) signal: JsValue,
}

const LOAD: &[&str] =
    &["onProgress", "engine", "kernels", "labels", "preprocessing", "activation", "head", "part", "cache", "signal"];

impl Load {
    pub(crate) fn read(options: &JsValue) -> Result<Load, JsValue> {
        known(options, "load", LOAD)?;
        let engine = property(options, "engine");
        let engine = match engine.as_string().as_deref() {
            _ if engine.is_undefined() => Engine::Auto,
            Some("auto") => Engine::Auto,
            Some("gpu") => Engine::Gpu,
            Some("cpu") => Engine::Cpu,
            _ => return Err(failure::input("`engine` is \"auto\", \"gpu\" or \"cpu\"")),
        };
        let kernels = string(options, "kernels")?.map(|text| text.parse::<KernelFamily>()).transpose();
        let kernels = kernels.map_err(|error| failure::of(&error))?;
        let labels = strings(options, "labels")?;
        let told = property(options, "onProgress");
        if !told.is_null_or_undefined() && !told.is_function() {
            return Err(failure::input("`onProgress` is a function"));
        }
        let head = string(options, "head")?.map(|text| text.parse::<HeadSpec>()).transpose();
        let head = head.map_err(|error| failure::of(&error))?;
        let preprocessing = string(options, "preprocessing")?.map(|text| Preprocessing::parse(&text)).transpose();
        let activation = string(options, "activation")?.map(|text| text.parse::<Activation>()).transpose();
        let open = OpenOptions::default()
            .head(head)
            .part(string(options, "part")?)
            .preprocessing(preprocessing.map_err(|error| failure::of(&error))?)
            .activation(activation.map_err(|error| failure::of(&error))?);
        let cache = property(options, "cache");
        if !cache.is_undefined() && cache.as_bool().is_none() {
            return Err(failure::input("`cache` is true or false"));
        }
        Ok(Load {
            engine,
            kernels,
            labels,
            open,
            progress: Progress(told.dyn_into().ok()),
            cache: cache.is_truthy(),
            signal: property(options, "signal"),
        })
    }
}

/// `{ top, cam, taps, signal }`.
pub(crate) struct Classify {
    pub(crate) top: usize,
    pub(crate) cam: Cam,
    pub(crate) taps: Vec<String>,
    pub(crate) signal: JsValue,
}

/// Whose class map is wanted.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Cam {
    None,
    /// That of the likeliest class.
    Best,
    Class(usize),
}

impl Classify {
    pub(crate) fn read(options: &JsValue) -> Result<Classify, JsValue> {
        known(options, "classify", &["top", "cam", "taps", "signal"])?;
        let whole = |value: &JsValue, name: &str| match value.as_f64() {
            Some(number) if number >= 0.0 && number.fract() == 0.0 && number < 1e9 => Ok(number as usize),
            _ => Err(failure::input(&format!("`{name}` is a whole number"))),
        };
        let top = property(options, "top");
        let top = if top.is_undefined() { 5 } else { whole(&top, "top")? };
        let cam = property(options, "cam");
        let cam = match cam.as_bool() {
            _ if cam.is_undefined() => Cam::None,
            Some(true) => Cam::Best,
            Some(false) => Cam::None,
            None => Cam::Class(whole(&cam, "cam")?),
        };
        let taps = strings(options, "taps")?.unwrap_or_default();
        Ok(Classify { top, cam, taps, signal: property(options, "signal") })
    }
}

/// An option that is a string; None where it is left out.
fn string(options: &JsValue, name: &str) -> Result<Option<String>, JsValue> {
    let value = property(options, name);
    match value.as_string() {
        None if !value.is_null_or_undefined() => Err(failure::input(&format!("`{name}` is a string"))),
        string => Ok(string),
    }
}

/// An option that is an array of strings; None where it is left out.
fn strings(options: &JsValue, name: &str) -> Result<Option<Vec<String>>, JsValue> {
    let value = property(options, name);
    if value.is_null_or_undefined() {
        return Ok(None);
    }
    let strings = value.dyn_ref::<Array>().and_then(|list| list.iter().map(|item| item.as_string()).collect());
    strings.map(Some).ok_or_else(|| failure::input(&format!("`{name}` is an array of strings")))
}

/// A misspelt option would be ignored in silence otherwise.
fn known(options: &JsValue, method: &str, names: &[&str]) -> Result<(), JsValue> {
    if options.is_undefined() {
        return Ok(());
    }
    let Some(options) = options.dyn_ref::<Object>() else {
        return Err(failure::input(&format!("the options of {method}() are an object")));
    };
    let mut keys = Object::keys(options).into_iter().filter_map(|key| key.as_string());
    match keys.find(|key| !names.contains(&key.as_str())) {
        Some(key) => Err(failure::input(&format!("{method}() has no option `{key}`: there are {}", names.join(", ")))),
        None => Ok(()),
    }
}

/// Who wants to know how far loading is.
#[derive(Clone)]
pub(crate) struct Progress(Option<Function>);

impl Progress {
    /// `total` is unknown where a server does not say how long a file is.
    pub(crate) fn tell(&self, phase: &str, done: f64, total: Option<f64>, what: &str) {
        let Some(function) = &self.0 else { return };
        let state = Object::new();
        let fields: [(&str, JsValue); 4] = [
            ("phase", phase.into()),
            ("done", done.into()),
            ("total", total.map_or(JsValue::UNDEFINED, JsValue::from)),
            ("what", what.into()),
        ];
        for (name, value) in fields {
            let _ = Reflect::set(&state, &name.into(), &value);
        }
        // What a listener throws is its own affair: loading goes on.
        let _ = function.call1(&JsValue::UNDEFINED, &state);
    }
}
