//! Recognition by structure: safetensors files of random modules, and of networks with faults.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use densenet_wgpu::Architecture;
use densenet_wgpu::architecture::{Recipe, Stem};

#[derive(Arbitrary, Debug)]
enum Input {
    Soup(Vec<Module>),
    Network {
        growth: u8,
        layers: Vec<u8>,
        bottleneck: bool,
        norm: bool,
        classes: Option<u8>,
        style: Style,
        faults: Vec<Fault>,
    },
}

#[derive(Arbitrary, Clone, Debug)]
struct Module {
    path: Vec<(Word, Option<u8>)>,
    kind: Kind,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Word {
    None,
    A,
    B,
    Block,
    Layer,
    Norm,
    Conv,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Kind {
    Conv { output: u8, input: u8, kernel: u8, bias: bool },
    Norm { channels: u8 },
    Linear { output: u8, input: u8 },
    Vector { channels: u8 },
}

/// How the modules of a network are named.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Style {
    Places,
    Alike,
    Letters,
    Parts,
}

#[derive(Arbitrary, Debug)]
enum Fault {
    Drop(u16),
    Resize(u16, u8, u8),
    Rename(u16, Module),
    Add(Module),
}

type Tensors = BTreeMap<String, Vec<usize>>;

fn width(n: u8) -> usize {
    usize::from(n % 33)
}

impl Module {
    fn name(&self) -> String {
        let words = self.path.iter().take(6).map(|(word, number)| {
            let word = ["", "a", "b", "denseblock", "denselayer", "norm", "conv"][*word as usize];
            number.map_or(word.to_string(), |n| format!("{word}{n}"))
        });
        words.collect::<Vec<_>>().join(".")
    }

    fn add_to(&self, tensors: &mut Tensors) {
        let name = self.name();
        let mut add = |part: &str, shape: Vec<usize>| drop(tensors.insert(format!("{name}.{part}"), shape));
        match self.kind {
            Kind::Conv { output, input, kernel, bias } => {
                let (output, side) = (width(output), usize::from(kernel % 8));
                add("weight", vec![output, width(input), side, side]);
                if bias {
                    add("bias", vec![output]);
                }
            }
            Kind::Norm { channels } => {
                for part in ["weight", "bias", "running_mean", "running_var"] {
                    add(part, vec![width(channels)]);
                }
            }
            Kind::Linear { output, input } => add("weight", vec![width(output), width(input)]),
            Kind::Vector { channels } => add("alpha", vec![width(channels)]),
        }
    }
}

fn network(architecture: &Architecture, style: Style) -> Tensors {
    let mut modules: Vec<String> = Vec::new();
    let mut tensors = Tensors::new();
    for parameter in architecture.parameters().unwrap() {
        let (module, part) = parameter.name.rsplit_once('.').unwrap();
        let at = modules.iter().position(|m| m == module).unwrap_or_else(|| {
            modules.push(module.to_string());
            modules.len() - 1
        });
        let name = match style {
            Style::Places => format!("model.{at}"),
            Style::Alike => format!("m{}.x", at / 4),
            Style::Letters => at.to_string().bytes().map(|b| char::from(b - b'0' + b'a')).collect(),
            Style::Parts => module.replace("dense", "d").replace("transition", "t"),
        };
        tensors.insert(format!("{name}.{part}"), parameter.shape);
    }
    tensors
}

fn tensors(input: Input) -> Option<Tensors> {
    match input {
        Input::Soup(modules) => {
            let mut tensors = Tensors::new();
            modules.iter().take(300).for_each(|module| module.add_to(&mut tensors));
            Some(tensors)
        }
        Input::Network { growth, layers, bottleneck, norm, classes, style, faults } => {
            let layers: Vec<usize> = layers.iter().take(4).map(|n| usize::from(n % 6)).collect();
            let stem = Stem { norm, ..Stem::cifar(8) };
            let recipe = Recipe {
                stem,
                bottleneck_factor: bottleneck.then_some(2),
                classes: classes.map(usize::from),
                ..Recipe::imagenet(width(growth % 9), &layers)
            };
            if layers.is_empty() {
                return None;
            }
            let architecture = recipe.build("generated");
            architecture.validate().ok()?;
            let mut tensors = network(&architecture, style);
            for fault in faults.iter().take(8) {
                let nth = |n: u16, tensors: &Tensors| {
                    Some(tensors.keys().nth(usize::from(n) % tensors.len().max(1))?.clone())
                };
                match fault {
                    Fault::Drop(n) => drop(nth(*n, &tensors).map(|name| tensors.remove(&name))),
                    Fault::Resize(n, axis, to) => {
                        let name = nth(*n, &tensors)?;
                        let shape = tensors.get_mut(&name)?;
                        let axis = usize::from(*axis) % shape.len().max(1);
                        *shape.get_mut(axis)? = width(*to);
                    }
                    Fault::Rename(n, module) => {
                        let name = nth(*n, &tensors)?;
                        let shape = tensors.remove(&name)?;
                        let part = name.rsplit('.').next()?.to_string();
                        tensors.insert(format!("{}.{part}", module.name()), shape);
                    }
                    Fault::Add(module) => module.add_to(&mut tensors),
                }
            }
            Some(tensors)
        }
    }
}

libfuzzer_sys::fuzz_target!(|input: Input| {
    let Some(tensors) = tensors(input) else { return };
    let (mut header, mut length) = (serde_json::Map::new(), 0);
    for (name, shape) in tensors {
        let end = length + 2 * shape.iter().product::<usize>();
        header.insert(name, serde_json::json!({ "dtype": "F16", "shape": shape, "data_offsets": [length, end] }));
        length = end;
    }
    if length > 1 << 20 {
        return;
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.into_bytes());
    file.resize(file.len() + length, 0x2c);
    // A finding as a file, for the regressions.
    if let Some(path) = std::env::var_os("FUZZ_WRITE") {
        std::fs::write(path, &file).unwrap();
    }
    densenet_fuzz::check(&file);
});
