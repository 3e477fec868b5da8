//! TorchScript archives: the parameters are in a pickle as any checkpoint's, but as attributes of classes that the archive itself
//! defines. The library that reads the tensors knows dictionaries, so classes become dictionaries in a rewritten pickle. The
//! program is not run: names of PyTorch's own classes say what a layer is, and its text has the numbers.

use std::collections::BTreeSet;

use super::super::known::Known;
use super::machine::Machine;

/// How the modules of the archive's own classes begin.
const OWN: &str = "__torch__.";

/// The pickle with dictionaries in place of the archive's classes. None where it is no pickle of TorchScript.
pub(super) fn with_dictionaries(pickle: &[u8]) -> Option<Vec<u8>> {
    let mut rewritten = Vec::with_capacity(pickle.len());
    Machine::trace(pickle, |instruction, class| match (instruction[0], class) {
        (b'c', Some((module, _))) if module.starts_with(OWN) => rewritten.extend(b"ccollections\nOrderedDict\n"),
        // A new object of a class that is called now.
        (0x81, _) => rewritten.push(b'R'),
        _ => rewritten.extend(instruction),
    })?;
    Some(rewritten)
}

/// PyTorch's name of a class of the archive: without the archive's beginning, and without the number that tells classes of one
/// name apart.
pub(super) fn original(module: &str) -> Option<String> {
    let segments = module.strip_prefix(OWN)?.split('.').filter(|segment| !segment.starts_with("___torch_mangle_"));
    Some(segments.collect::<Vec<_>>().join("."))
}

/// Numbers in the text of the program.
#[derive(Debug, Default)]
pub(super) struct Program {
    eps: BTreeSet<u64>,
    slopes: BTreeSet<u64>,
    /// GELU is tanh's approximation somewhere.
    gelu_tanh: bool,
}

impl Program {
    /// Reads one of its files.
    pub(super) fn read(&mut self, text: &str) {
        self.eps.extend(constants(text, "eps : Final[float] = "));
        self.slopes.extend(constants(text, "negative_slope : Final[float] = "));
        self.gelu_tanh |= text.contains("approximate : Final[str] = \"tanh\"") || text.contains("approximate=\"tanh\"");
        // Of a trace, the arguments: .., momentum, eps, cudnn_enabled.
        self.eps.extend(arguments(text, "torch.batch_norm(").filter_map(|all| number(all.iter().rev().nth(1)?)));
        self.slopes.extend(arguments(text, "torch.leaky_relu(").filter_map(|all| number(all.get(1)?)));
        self.slopes.extend(arguments(text, "torch.leaky_relu_(").filter_map(|all| number(all.get(1)?)));
    }

    /// The layer, with the numbers that its class has in this program.
    pub(super) fn complete(&self, layer: Known, name: &str) -> Known {
        let only = |numbers: &BTreeSet<u64>| match numbers.iter().collect::<Vec<_>>()[..] {
            [one] => Some(f64::from_bits(*one)),
            _ => None,
        };
        let other = || Known::Other(name.into());
        match name {
            "BatchNorm1d" | "BatchNorm2d" => only(&self.eps).map_or_else(other, Known::BatchNorm),
            "LeakyReLU" => only(&self.slopes).map_or_else(other, Known::LeakyRelu),
            "GELU" if self.gelu_tanh => other(),
            // Whether to one pixel, the layer behind them shows.
            "AdaptiveAvgPool2d" => Known::Average,
            "AdaptiveMaxPool2d" => Known::Maximum,
            _ => layer,
        }
    }
}

/// The numbers that follow a text.
fn constants(text: &str, before: &str) -> Vec<u64> {
    text.split(before).skip(1).filter_map(|rest| number(rest.lines().next()?)).collect()
}

/// The arguments of each call of a function.
fn arguments<'a>(text: &'a str, call: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
    text.split(call).skip(1).filter_map(|rest| {
        let (arguments, _) = rest.split_once(')')?;
        Some(arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty()).collect())
    })
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse::<f64>().ok().map(f64::to_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_programs_text() {
        let mut program = Program::default();
        program.read("class BatchNorm2d(Module):\n  eps : Final[float] = 1.0000000000000001e-05\n  momentum : Final[float] = 0.1\n");
        program.read(
            "    input = torch.batch_norm(x, w, b, m, v, False, 0.10000000000000001, 1.0000000000000001e-05, True)\n",
        );
        program.read("    return torch.leaky_relu(input, 0.20000000000000001)\n");
        let layer = |name: &str| program.complete(Known::Nothing, name);
        assert_eq!(layer("BatchNorm2d"), Known::BatchNorm(1e-5));
        assert_eq!(layer("LeakyReLU"), Known::LeakyRelu(0.2));
        assert_eq!(layer("GELU"), Known::Nothing);
        program.read("  eps : Final[float] = 0.001\n  approximate : Final[str] = \"tanh\"\n");
        assert_eq!(program.complete(Known::Nothing, "BatchNorm1d"), Known::Other("BatchNorm1d".into()));
        assert_eq!(program.complete(Known::Gelu, "GELU"), Known::Other("GELU".into()));
        assert_eq!(
            original("__torch__.torch.nn.modules.linear.___torch_mangle_12").as_deref(),
            Some("torch.nn.modules.linear")
        );
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
