//! What a checkpoint says besides its tensors: the order of their names and, of a whole module, what its layers are.

use super::super::known::Known;
use super::machine::{Id, Machine, Node};
use super::script::{self, Program, original};
use crate::architecture::HeadLayer;

/// How many objects are visited, and how deep: a pickle may hold one under many names.
const MAX_VISITED: usize = 1 << 18;
const MAX_DEPTH: usize = 100;

/// Libraries whose DenseNets do the same as torchvision's with these tensors.
const LIBRARIES: [&str; 4] = ["torchvision.models.", "timm.models.", "torchxrayvision.models", "monai.networks.nets."];

/// Names, and layers by their module.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outline {
    /// Of the tensors, as they are in the file.
    pub(super) order: Vec<String>,
    /// Of whole modules, likewise.
    pub(super) layers: Vec<(String, Known)>,
}

/// Of a zip's `data.pkl` (0 pickles before it) or a legacy file (3).
pub(super) fn of(bytes: &[u8], skipped: usize, program: Option<&Program>) -> Outline {
    let Some((machine, root)) = Machine::run_after(bytes, skipped) else { return Outline::default() };
    let mut walk = Walk { machine: &machine, program, visited: 0, depth: 0, outline: Outline::default() };
    walk.visit(root, &mut Vec::new());
    if walk.visited > MAX_VISITED { Outline::default() } else { walk.outline }
}

struct Walk<'m, 'a> {
    machine: &'m Machine<'a>,
    /// Of TorchScript.
    program: Option<&'m Program>,
    visited: usize,
    /// Of this object in others: an object may hold itself.
    depth: usize,
    outline: Outline,
}

impl Walk<'_, '_> {
    fn visit(&mut self, id: Id, path: &mut Vec<String>) {
        self.visited += 1;
        if self.visited > MAX_VISITED || self.depth > MAX_DEPTH {
            return;
        }
        self.depth += 1;
        self.look(id, path);
        self.depth -= 1;
    }

    fn look(&mut self, id: Id, path: &mut Vec<String>) {
        let machine = self.machine;
        match machine.node(id) {
            Node::Pairs(pairs) => self.visit_all(pairs, path),
            Node::Items(items) => {
                for (at, item) in items.iter().enumerate() {
                    path.push(at.to_string());
                    self.visit(*item, path);
                    path.pop();
                }
            }
            Node::Object { class, state, pairs, .. } => {
                let Node::Class(module, name) = *machine.node(*class) else { return };
                let state = state.map(|state| machine.node(state));
                if let Some(Node::Pairs(attributes)) = state
                    && let Some(children) = machine.get(attributes, "_modules")
                {
                    self.outline.layers.push((path.join("."), self.layer(module, name, attributes)));
                    for table in ["_parameters", "_buffers"] {
                        machine.get(attributes, table).into_iter().for_each(|table| self.visit(table, path));
                    }
                    self.visit(children, path);
                } else if let (Some(Node::Pairs(attributes)), Some(program), Some(original)) =
                    (state, self.program, original(module))
                {
                    let layer = program.complete(self.layer(&original, name, attributes), module, name);
                    self.outline.layers.push((path.join("."), layer));
                    self.visit_all(attributes, path);
                } else if module == "torch._utils" || module == "torch._tensor" {
                    self.outline.order.push(path.join("."));
                } else {
                    self.visit_all(pairs, path);
                }
            }
            _ => {}
        }
    }

    fn visit_all(&mut self, pairs: &[(Id, Id)], path: &mut Vec<String>) {
        for (key, value) in pairs {
            path.push(match self.machine.node(*key) {
                Node::Text(key) => key.to_string(),
                Node::Number(key) => key.to_string(),
                _ => continue,
            });
            self.visit(*value, path);
            path.pop();
        }
    }

    /// What a module is, by its class and attributes.
    fn layer(&self, module: &str, name: &str, attributes: &[(Id, Id)]) -> Known {
        let node = |key: &str| self.machine.get(attributes, key).map(|id| self.machine.node(id));
        let number = |key: &str| node(key).and_then(|node| if let Node::Number(n) = node { Some(*n) } else { None });
        let is_one = |key: &str| match node(key) {
            Some(Node::Number(n)) => *n == 1.0,
            Some(Node::Items(items)) => items.iter().all(|&id| *self.machine.node(id) == Node::Number(1.0)),
            _ => false,
        };
        let other = || Known::Other(name.chars().take(60).collect());
        let known = match name {
            "Sequential" => Known::Sequential,
            "DenseNet" if LIBRARIES.iter().any(|library| module.starts_with(library)) => Known::Network,
            "ReLU" => Known::Layer(HeadLayer::Relu),
            "LeakyReLU" => {
                number("negative_slope").map_or_else(other, |slope| Known::Layer(HeadLayer::LeakyRelu { slope }))
            }
            "GELU" => match node("approximate") {
                Some(Node::Text("tanh")) => Known::Layer(HeadLayer::GeluTanh),
                _ => Known::Layer(HeadLayer::Gelu),
            },
            "SiLU" => Known::Layer(HeadLayer::Silu),
            "Tanh" => Known::Layer(HeadLayer::Tanh),
            "Sigmoid" => Known::Layer(HeadLayer::Sigmoid),
            "Softmax" => Known::Layer(HeadLayer::Softmax),
            "LogSoftmax" => Known::Layer(HeadLayer::LogSoftmax),
            "Dropout" | "Dropout1d" | "Dropout2d" | "AlphaDropout" | "Identity" => Known::Nothing,
            "Flatten" if number("start_dim").is_none_or(|dim| dim == 1.0) => Known::Flatten,
            "AdaptiveAvgPool2d" if is_one("output_size") => Known::Average,
            "AdaptiveMaxPool2d" if is_one("output_size") => Known::Maximum,
            "BatchNorm1d" | "BatchNorm2d" => number("eps").map_or_else(other, Known::BatchNorm),
            "Linear" | "PReLU" => Known::WithParameters,
            "Conv2d" | "MaxPool2d" | "AvgPool2d" => self.window(name, attributes).unwrap_or_else(other),
            _ => other(),
        };
        // What wraps a network and changes nothing.
        if matches!(name, "DataParallel" | "DistributedDataParallel" | "OptimizedModule")
            && module.starts_with("torch.")
        {
            return Known::WithParameters;
        }
        let is_library = module.starts_with("torch.nn.modules.") || module.starts_with("fastai.");
        match known {
            // fastai's `Flatten` flattens, and its pooling concatenates maxima and averages.
            Known::Other(_) if module == "fastai.layers" && name == "AdaptiveConcatPool2d" => Known::MaximumAverage,
            Known::Network => Known::Network,
            // Somebody's own class may do anything.
            known if is_library => known,
            _ => other(),
        }
    }
}

impl Walk<'_, '_> {
    /// A convolution or a pooling of windows, by its attributes. None where it does more than that.
    fn window(&self, name: &str, attributes: &[(Id, Id)]) -> Option<Known> {
        let pair = |key: &str| {
            let number = |id: Id| if let Node::Number(n) = self.machine.node(id) { Some(*n as usize) } else { None };
            let id = self.machine.get(attributes, key)?;
            match self.machine.node(id) {
                Node::Number(n) => Some([*n as usize; 2]),
                Node::Items(items) => Some([number(*items.first()?)?, number(*items.get(1)?)?]),
                _ => None,
            }
        };
        let is_set = |key: &str| {
            let value = self.machine.get(attributes, key).map(|id| self.machine.node(id));
            value == Some(&Node::Flag(true))
        };
        if pair("dilation").is_some_and(|dilation| dilation != [1, 1]) || is_set("ceil_mode") {
            return None;
        }
        Some(script::window(name, pair("kernel_size"), pair("stride")?, pair("padding")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_the_order_of_the_file() {
        // {"b": {"z": tensor}, "a": tensor}
        let tensor = b"ctorch._utils\n_rebuild_tensor_v2\n)R";
        let pickle = [&b"\x80\x02}(X\x01\0\0\0b}X\x01\0\0\0z"[..], tensor, b"sX\x01\0\0\0a", tensor, b"u."].concat();
        assert_eq!(of(&pickle, 0, None).order, ["b.z", "a"]);
        assert_eq!(of(&[b"\x80\x02K\x01.".repeat(3), pickle].concat(), 3, None).order, ["b.z", "a"]);
    }

    #[test]
    fn modules_say_what_they_are() {
        let module = |class: &str, attributes: &[u8]| {
            [b"c", class.as_bytes(), b"\n)\x81}(X\x08\0\0\0_modules}", attributes, b"ub"].concat()
        };
        for (class, attributes, known) in [
            ("torch.nn.modules.activation\nReLU", &b""[..], Known::Layer(HeadLayer::Relu)),
            ("torch.nn.modules.container\nSequential", b"", Known::Sequential),
            (
                "torch.nn.modules.batchnorm\nBatchNorm1d",
                b"X\x03\0\0\0epsG?\x50bM\xd2\xf1\xa9\xfc",
                Known::BatchNorm(1e-3),
            ),
            (
                "torch.nn.modules.activation\nGELU",
                b"X\x0b\0\0\0approximateX\x04\0\0\0tanh",
                Known::Layer(HeadLayer::GeluTanh),
            ),
            ("torch.nn.modules.pooling\nAdaptiveMaxPool2d", b"X\x0b\0\0\0output_sizeK\x01", Known::Maximum),
            (
                "torch.nn.modules.pooling\nAdaptiveMaxPool2d",
                b"X\x0b\0\0\0output_sizeK\x02",
                Known::Other("AdaptiveMaxPool2d".into()),
            ),
            ("torchvision.models.densenet\nDenseNet", b"", Known::Network),
            ("mine\nReLU", b"", Known::Other("ReLU".into())),
        ] {
            let pickle = [&b"\x80\x02"[..], &module(class, attributes), b"."].concat();
            assert_eq!(of(&pickle, 0, None).layers, [(String::new(), known)], "{class}");
        }
    }

    #[test]
    fn an_object_that_holds_itself_does_no_harm() {
        let own = b"\x80\x02ca\nB\n)\x81q\0}(X\x08\0\0\0_modulesh\0X\x0b\0\0\0_parametersh\0X\x08\0\0\0_buffersh\0ub.";
        assert_eq!(of(own, 0, None), Outline::default());
        let list = b"\x80\x02]q\0h\0a.";
        assert_eq!(of(list, 0, None), Outline::default());
    }
}
