//! TorchScript archives: the parameters are in a pickle as any checkpoint's, but as attributes of classes that the archive itself
//! defines. The library that reads the tensors knows dictionaries, so classes become dictionaries in a rewritten pickle. The
//! program is not run: names of PyTorch's own classes say what a layer is, and the text of a class has its numbers.

use std::collections::BTreeMap;

use super::super::known::{Known, Window};
use super::machine::Machine;
use crate::architecture::HeadLayer;

/// The module of the archive's own classes, and how all of them begin.
const OWN: &str = "__torch__";

fn is_own(module: &str) -> bool {
    module.strip_prefix(OWN).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The pickle with dictionaries in place of the archive's classes. None where it is no pickle of TorchScript.
pub(super) fn with_dictionaries(pickle: &[u8]) -> Option<Vec<u8>> {
    let mut rewritten = Vec::with_capacity(pickle.len());
    Machine::trace(pickle, |instruction, class| match (instruction[0], class) {
        (b'c', Some((module, _))) if is_own(module) => rewritten.extend(b"ccollections\nOrderedDict\n"),
        // A new object of a class that is called now.
        (0x81, _) => rewritten.push(b'R'),
        _ => rewritten.extend(instruction),
    })?;
    Some(rewritten)
}

/// PyTorch's name of a module of the archive: without the archive's beginning, and without the number that tells classes of one
/// name apart.
pub(super) fn original(module: &str) -> Option<String> {
    if !is_own(module) {
        return None;
    }
    let segments = module.split('.').skip(1).filter(|segment| !segment.starts_with("___torch_mangle_"));
    Some(segments.collect::<Vec<_>>().join("."))
}

/// A convolution or a pooling.
pub(super) fn window(class: &str, kernel: Option<[usize; 2]>, stride: [usize; 2], padding: [usize; 2]) -> Known {
    let kernel = kernel.filter(|_| class != "Conv2d");
    let window = Window { kernel, stride, padding };
    match class {
        "MaxPool2d" => Known::MaxPool(window),
        "AvgPool2d" => Known::AveragePool(window),
        _ => Known::Convolution(window),
    }
}

/// The text of the program, by module.
#[derive(Debug, Default)]
pub(super) struct Program(BTreeMap<String, String>);

impl Program {
    /// Takes one of its files, by the name in the archive: `../code/__torch__/torch/nn/modules/conv.py`.
    pub(super) fn add(&mut self, name: &str, text: String) {
        if let Some((_, path)) = name.rsplit_once("code/")
            && let Some(path) = path.strip_suffix(".py")
        {
            self.0.insert(path.replace('/', "."), text);
        }
    }

    /// The text of a class.
    fn class(&self, module: &str, name: &str) -> Option<&str> {
        let text = self.0.get(module)?;
        let (_, own) = text.split_once(&format!("class {name}("))?;
        Some(own.split_once("\nclass ").map_or(own, |(own, _)| own))
    }

    /// The layer, with the numbers that its class has in this program.
    pub(super) fn complete(&self, layer: Known, module: &str, name: &str) -> Known {
        let numbers = || self.numbers(module, name);
        let is_torchs = original(module).is_some_and(|module| module.starts_with("torch.nn."));
        match name {
            "BatchNorm1d" | "BatchNorm2d" | "LeakyReLU" | "GELU" | "Conv2d" | "MaxPool2d" | "AvgPool2d"
                if is_torchs =>
            {
                numbers().unwrap_or_else(|| Known::Other(name.into()))
            }
            // Whether to one pixel, the layer behind them shows.
            "AdaptiveAvgPool2d" if is_torchs => Known::Average,
            "AdaptiveMaxPool2d" if is_torchs => Known::Maximum,
            _ => layer,
        }
    }

    fn numbers(&self, module: &str, name: &str) -> Option<Known> {
        let text = self.class(module, name)?;
        match name {
            // A trace has the arguments: .., momentum, eps, cudnn_enabled.
            "BatchNorm1d" | "BatchNorm2d" => constant(text, "eps : Final[float] = ")
                .or_else(|| number(arguments(text, "torch.batch_norm(")?.iter().rev().nth(1)?))
                .map(Known::BatchNorm),
            "LeakyReLU" => constant(text, "negative_slope : Final[float] = ")
                .or_else(|| number(arguments(text, "torch.leaky_relu(")?.get(1)?))
                .or_else(|| number(arguments(text, "torch.leaky_relu_(")?.get(1)?))
                .map(|slope| Known::Layer(HeadLayer::LeakyRelu { slope })),
            "GELU" => Some(if text.contains("\"tanh\"") {
                Known::Layer(HeadLayer::GeluTanh)
            } else {
                Known::Layer(HeadLayer::Gelu)
            }),
            _ => {
                let lists = pairs(text);
                let skip = usize::from(name != "Conv2d");
                let kernel = lists.first().copied().filter(|_| skip == 1);
                let dilation = lists.get(skip + 2).copied().unwrap_or([1, 1]);
                if dilation != [1, 1]
                    || text.contains("ceil_mode : Final[bool] = True")
                    || text.contains("True)") && skip == 1
                {
                    return None;
                }
                Some(window(name, kernel, *lists.get(skip)?, *lists.get(skip + 1)?))
            }
        }
    }
}

/// The number that follows a text.
fn constant(text: &str, before: &str) -> Option<f64> {
    number(text.split_once(before)?.1.lines().next()?)
}

/// The arguments of a call of a function.
fn arguments<'a>(text: &'a str, call: &str) -> Option<Vec<&'a str>> {
    let (arguments, _) = text.split_once(call)?.1.split_once(')')?;
    Some(arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty()).collect())
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// Every `[2, 2]` of a text, in order.
fn pairs(text: &str) -> Vec<[usize; 2]> {
    let lists = text.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    let pair = |list: &str| {
        let (a, b) = list.split_once(',')?;
        Some([a.trim().parse().ok()?, b.trim().parse().ok()?])
    };
    lists.filter_map(|(list, _)| pair(list)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_text_of_a_class() {
        let mut program = Program::default();
        let mut layer = |name: &str, class: &str, text: &str| {
            let module = format!("__torch__.torch.nn.modules.{name}");
            let path = format!("m/code/__torch__/torch/nn/modules/{}.py", name.replace('.', "/"));
            program.add(&path, format!("class Other(Module):\n  eps : Final[float] = 0.5\nclass {class}(Module):\n{text}\nclass Last(Module):\n"));
            program.complete(Known::Nothing, &module, class)
        };
        let eps = "  eps : Final[float] = 1.0000000000000001e-05\n  momentum : Final[float] = 0.1";
        assert_eq!(layer("batchnorm", "BatchNorm2d", eps), Known::BatchNorm(1e-5));
        let trace = "    return torch.batch_norm(x, w, b, m, v, False, 0.10000000000000001, 0.001, True)";
        assert_eq!(layer("batchnorm.___torch_mangle_7", "BatchNorm1d", trace), Known::BatchNorm(1e-3));
        assert_eq!(
            layer("a", "LeakyReLU", "  return torch.leaky_relu(input, 0.20000000000000001)"),
            Known::Layer(HeadLayer::LeakyRelu { slope: 0.2 })
        );
        assert_eq!(layer("b", "GELU", "  approximate : Final[str] = \"tanh\""), Known::Layer(HeadLayer::GeluTanh));
        assert_eq!(layer("c", "GELU", "  return torch.gelu(input)"), Known::Layer(HeadLayer::Gelu));
        assert_eq!(layer("d", "BatchNorm1d", ""), Known::Other("BatchNorm1d".into()));
        let convolution = "    _1 = torch.conv2d(input, weight, bias, [2, 2], [3, 3], [1, 1])";
        let window = Window { kernel: None, stride: [2, 2], padding: [3, 3] };
        assert_eq!(layer("e", "Conv2d", convolution), Known::Convolution(window));
        let dilated = "    _1 = torch.conv2d(input, weight, bias, [2, 2], [3, 3], [2, 2])";
        assert_eq!(layer("f", "Conv2d", dilated), Known::Other("Conv2d".into()));
        let pool = "    x = torch.max_pool2d(argument_1, [3, 3], [2, 2], [1, 1], [1, 1])";
        let window = Window { kernel: Some([3, 3]), stride: [2, 2], padding: [1, 1] };
        assert_eq!(layer("g", "MaxPool2d", pool), Known::MaxPool(window));
        assert_eq!(layer("h", "ReLU", ""), Known::Nothing);
    }

    #[test]
    fn classes_have_their_original_names() {
        let name = "__torch__.torch.nn.modules.linear.___torch_mangle_12";
        assert_eq!(original(name).as_deref(), Some("torch.nn.modules.linear"));
        assert_eq!(original("__torch__").as_deref(), Some(""));
        assert_eq!(original("torch.nn"), None);
    }

    #[test]
    fn classes_become_dictionaries() {
        let pickle = b"\x80\x02c__torch__.torch.nn\nReLU\nq\x00)\x81}(X\x01\x00\x00\x00aK\x01ub.";
        let rewritten = b"\x80\x02ccollections\nOrderedDict\nq\x00)R}(X\x01\x00\x00\x00aK\x01ub.";
        assert_eq!(with_dictionaries(pickle).as_deref(), Some(&rewritten[..]));
        assert_eq!(with_dictionaries(b"\x80\x02}"), None);
    }
}
