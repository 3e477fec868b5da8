//! The arguments of operations that are no layers, such as those that `preprocess_input` leaves in a model.

use serde_json::Value;

use super::super::graph::Which;

/// Of a constant: one for each channel of an image, and more.
const MAX_ELEMENTS: usize = 1 << 16;

/// An array in a configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    pub(super) shape: Vec<usize>,
    pub(super) numbers: Vec<f64>,
}

impl Constant {
    pub(super) fn number(number: f64) -> Self {
        Constant { shape: Vec::new(), numbers: vec![number] }
    }

    pub(super) fn vector(numbers: Vec<f64>) -> Self {
        Constant { shape: vec![numbers.len()], numbers }
    }

    /// A number, lists of numbers, or what Keras makes of an array: `{"class_name": "__tensor__", "config": {"value": ..}}`.
    pub(super) fn read(value: &Value) -> Option<Self> {
        if let Some(class) = value["class_name"].as_str() {
            return matches!(class, "__tensor__" | "__numpy__").then(|| Constant::read(&value["config"]["value"]))?;
        }
        let mut constant = Constant { shape: Vec::new(), numbers: Vec::new() };
        collect(value, 0, &mut constant)?;
        Some(constant)
    }
}

/// Lists of lists, all of one length at each depth.
fn collect(value: &Value, depth: usize, into: &mut Constant) -> Option<()> {
    let Some(list) = value.as_array() else {
        into.numbers.push(value.as_f64()?);
        return (depth == into.shape.len() && into.numbers.len() <= MAX_ELEMENTS).then_some(());
    };
    match into.shape.get(depth) {
        None if into.numbers.is_empty() && depth < 8 && !list.is_empty() => into.shape.push(list.len()),
        Some(length) if *length == list.len() => {}
        _ => return None,
    }
    list.iter().try_for_each(|item| collect(item, depth + 1, into))
}

/// The positional arguments of a call, without the layers in lists that some take.
fn positional(call: &Value) -> Vec<&Value> {
    match call["args"].as_array() {
        Some(arguments) => arguments.iter().collect(),
        // TensorFlow's `["layer", 0, 0, {"y": 255.0}]`.
        None => call.as_array().map_or(Vec::new(), |inputs| inputs.iter().collect()),
    }
}

fn keywords(call: &Value) -> &Value {
    match call["kwargs"] {
        Value::Null => &call[0][3],
        ref found => found,
    }
}

/// An argument by its keyword, in the configuration or the call, or by its place.
pub(super) fn argument<'v>(config: &'v Value, call: &'v Value, name: &str, place: usize) -> &'v Value {
    const NOTHING: &Value = &Value::Null;
    let found = [&config[name], &keywords(call)[name]].into_iter().find(|value| !value.is_null());
    found.or_else(|| positional(call).get(place).copied().filter(|_| call["args"].is_array())).unwrap_or(NOTHING)
}

/// The constant of an operation on one layer and one constant, and whether it comes first.
pub(super) fn constant(call: &Value) -> Option<(Constant, bool)> {
    let named = ["y", "x2", "value", "x", "x1"]
        .iter()
        .find_map(|name| Some((Constant::read(&keywords(call)[*name])?, matches!(*name, "x" | "x1"))));
    let arguments = positional(call);
    let placed = || match arguments.as_slice() {
        [first, second] => {
            Constant::read(second).map(|c| (c, false)).or_else(|| Constant::read(first).map(|c| (c, true)))
        }
        // `["_CONSTANT_VALUE", -1, 255.0, {"y": ["layer", 0, 0]}]`.
        [only] if only[0] == "_CONSTANT_VALUE" => Constant::read(&only[2]).map(|c| (c, true)),
        _ => None,
    };
    placed().or(named)
}

/// How many axes a layer has that is an argument of a call.
pub(super) fn rank(call: &Value) -> Option<usize> {
    positional(call).first()?["config"]["shape"].as_array().map(Vec::len)
}

/// `x[..., ::-1]`, `x[..., 2]`: the axis, what is taken of it, and whether it stays. None for whatever else.
pub(super) fn item(call: &Value) -> Option<(isize, Which, bool)> {
    let rank = rank(call)?;
    let key = *positional(call).get(1)?;
    let items = key.as_array().map_or(std::slice::from_ref(key), Vec::as_slice);
    let is = |item: &Value, class: &str| item["class_name"] == class;
    let ellipsis = items.iter().position(|item| is(item, "__ellipsis__"));
    let whole = |item: &Value| {
        let slice = &item["config"];
        is(item, "__slice__")
            && slice["start"].is_null()
            && slice["stop"].is_null()
            && matches!(slice["step"].as_i64(), None | Some(1))
    };
    let mut parts = items.iter().enumerate().filter(|(_, item)| !is(item, "__ellipsis__") && !whole(item));
    let (place, part) = parts.next()?;
    if parts.next().is_some() || items.len() > rank + usize::from(ellipsis.is_some()) {
        return None;
    }
    let axis = match ellipsis {
        Some(at) if place > at => rank + place - items.len(),
        _ => place,
    } as isize;
    if let Some(index) = part.as_i64() {
        return Some((axis, Which::These(vec![isize::try_from(index).ok()?]), false));
    }
    let slice = &part["config"];
    match (slice["start"].as_i64(), slice["stop"].as_i64(), slice["step"].as_i64()) {
        _ if !is(part, "__slice__") => None,
        (None, None, Some(-1)) => Some((axis, Which::Reversed, true)),
        (start, Some(stop), None | Some(1)) => {
            let start = start.unwrap_or(0);
            let range = (0..=256).contains(&start) && (start..=256).contains(&stop);
            range.then(|| (axis, Which::These((start..stop).map(|i| i as isize).collect()), true))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn layer() -> Value {
        json!({ "class_name": "__keras_tensor__", "config": { "shape": [null, 64, 64, 3], "keras_history": ["a", 0, 0] } })
    }

    #[test]
    fn constants_are_found_wherever_they_stand() {
        let vector = Constant::vector(vec![1.0, 2.0]);
        let call = |args: Value, kwargs: Value| json!({ "args": args, "kwargs": kwargs });
        let tensor = json!({ "class_name": "__tensor__", "config": { "value": [1.0, 2.0], "dtype": "float32" } });
        assert_eq!(constant(&call(json!([layer(), tensor]), json!({}))), Some((vector.clone(), false)));
        assert_eq!(constant(&call(json!([tensor, layer()]), json!({}))), Some((vector.clone(), true)));
        assert_eq!(constant(&call(json!([layer()]), json!({ "x2": [1.0, 2.0] }))), Some((vector, false)));
        let number = Constant::number(255.0);
        assert_eq!(constant(&json!([["a", 0, 0, { "y": 255.0, "name": null }]])), Some((number.clone(), false)));
        assert_eq!(constant(&json!([["_CONSTANT_VALUE", -1, 255.0, { "y": ["a", 0, 0] }]])), Some((number, true)));
        assert_eq!(constant(&call(json!([layer(), layer()]), json!({}))), None);
        let deep = Constant::read(&json!([[[[1.0, 2.0, 3.0]]]])).unwrap();
        assert_eq!(deep.shape, [1, 1, 1, 3]);
        assert_eq!(Constant::read(&json!([[1.0], [2.0, 3.0]])), None);
        assert_eq!(Constant::read(&json!([1.0, [2.0]])), None);
        assert_eq!(Constant::read(&json!("x")), None);
    }

    #[test]
    fn items_are_channels_or_nothing() {
        let ellipsis = json!({ "class_name": "__ellipsis__", "config": {} });
        let slice = |start: Value, stop: Value, step: Value| json!({ "class_name": "__slice__", "config": { "start": start, "stop": stop, "step": step } });
        let of = |key: Value| item(&json!({ "args": [layer(), key], "kwargs": {} }));
        let reversed = slice(json!(null), json!(null), json!(-1));
        assert!(matches!(of(json!([ellipsis, reversed])), Some((3, Which::Reversed, true))));
        let whole = slice(json!(null), json!(null), json!(null));
        assert!(matches!(of(json!([whole, whole, whole, reversed])), Some((3, Which::Reversed, true))));
        assert!(matches!(of(json!([ellipsis, 2])), Some((3, Which::These(i), false)) if i == [2]));
        assert!(matches!(of(json!([whole, reversed])), Some((1, Which::Reversed, true))));
        assert!(
            matches!(of(json!([ellipsis, slice(json!(0), json!(2), json!(null))])), Some((3, Which::These(i), true)) if i == [0, 1])
        );
        assert!(of(json!([ellipsis, slice(json!(0), json!(1_000_000_000), json!(null))])).is_none());
        assert!(of(json!([reversed, reversed])).is_none());
        assert!(of(json!("x")).is_none());
    }
}
