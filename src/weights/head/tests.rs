//! Heads of names and shapes alone.

use std::borrow::Cow;

use super::super::names::{Names, Scheme};
use super::super::source::{Entry, Number};
use super::{HeadSpec, Question, read};
use crate::architecture::{Architecture, Head, Pooling, Recipe};

/// Channels of the feature maps.
const CHANNELS: usize = 40;

/// A file's tensors outside of the DenseNet, whose last batch norm is `norm`.
struct File {
    norm: &'static str,
    scheme: Scheme,
    tensors: Vec<(String, Vec<usize>)>,
    pooling: Option<(Pooling, &'static str)>,
}

impl File {
    fn behind(norm: &'static str) -> Self {
        File { norm, scheme: Scheme::Torchvision, tensors: Vec::new(), pooling: None }
    }

    fn tensor(mut self, name: &str, shape: &[usize]) -> Self {
        self.tensors.push((name.into(), shape.to_vec()));
        self
    }

    fn linear(self, name: &str, outputs: usize, inputs: usize) -> Self {
        self.tensor(&format!("{name}.weight"), &[outputs, inputs]).tensor(&format!("{name}.bias"), &[outputs])
    }

    fn norm(self, name: &str, width: usize) -> Self {
        ["weight", "bias", "running_mean", "running_var"]
            .into_iter()
            .fold(self, |file, leaf| file.tensor(&format!("{name}.{leaf}"), &[width]))
    }

    /// The head as text, its warning, and the canonical names.
    fn read_as(&self, stated: Option<&str>) -> Result<(String, Option<String>, Vec<String>), String> {
        let entry = |name: &str, shape: &[usize]| {
            let bytes = 0.25f32.to_le_bytes().repeat(shape.iter().product());
            Entry { name: name.into(), shape: shape.to_vec(), number: Number::F32, bytes: Cow::Owned(bytes) }
        };
        let mut entries = vec![entry(&format!("{}.weight", self.norm), &[CHANNELS])];
        entries.extend(self.tensors.iter().map(|(name, shape)| entry(name, shape)));
        let mut canonical: Vec<Option<String>> = entries.iter().map(|entry| Some(entry.name.clone())).collect();
        canonical[0] = Some("features.norm5.weight".into());
        let trunk = Recipe::imagenet(8, &[1, 1]).build("x");
        let trunk = Architecture { transition_channels: vec![CHANNELS - 8], head: Head::linear(None), ..trunk };
        let spec = stated.map(|text| text.parse::<HeadSpec>().unwrap());
        let names = Names::new(self.scheme, canonical);
        let question = Question {
            entries: &entries,
            names: &names,
            trunk: &trunk,
            known: &[],
            order: &[],
            stated: spec.as_ref(),
            given: None,
            pooling: self.pooling,
            eps: 1e-5,
        };
        let found = read(&question)?.unwrap();
        let mut placed: Vec<String> = found.placed.names.into_iter().map(|(_, name)| name).collect();
        placed.extend(found.placed.made.into_iter().map(|(name, _, value)| format!("{name}={value}")));
        placed.sort();
        assert!(found.warnings.len() < 2, "{:?}", found.warnings);
        Ok((found.head.to_string(), found.warnings.into_iter().next(), placed))
    }

    #[track_caller]
    fn is(&self, head: &str) {
        assert_eq!(self.read_as(None).map(|(head, warning, _)| (head, warning)), Ok((head.into(), None)));
    }

    /// The warning, which states the head.
    #[track_caller]
    fn assumes(&self, head: &str) -> String {
        let (found, warning, placed) = self.read_as(None).unwrap();
        assert_eq!(found, head);
        let warning = warning.expect("something is open");
        assert!(warning.contains(&format!("--head \"{head}\"")), "{warning}");
        // What it says to write reads the same, without a warning.
        assert_eq!(self.read_as(Some(head)), Ok((head.into(), None, placed)));
        warning
    }

    #[track_caller]
    fn refuses(&self, with: &str) {
        let error = self.read_as(None).expect_err("refused");
        assert!(error.contains(with), "{error}");
    }
}

fn torchvision() -> File {
    File::behind("features.norm5")
}

#[test]
fn what_is_not_open_gives_no_warning() {
    torchvision().linear("classifier", 5, 40).is("relu, avg, linear 5");
    torchvision().tensor("classifier.weight", &[5, 40]).is("relu, avg, linear 5");
    torchvision().linear("last_linear", 5, 40).is("relu, avg, linear 5");
    File::behind("features.norm5").linear("class_layers.out", 3, 40).is("relu, avg, linear 3");
    File::behind("module.densenet121.features.norm5")
        .linear("module.densenet121.classifier.0", 14, 40)
        .is("relu, avg, linear 14");
    torchvision().linear("classifier.0", 32, 40).linear("classifier.1", 3, 32).is("relu, avg, linear 32, linear 3");
    torchvision().norm("classifier.0", 40).linear("classifier.1", 3, 40).is("relu, avg, batch_norm 1e-5, linear 3");
    torchvision()
        .linear("classifier.0", 32, 40)
        .tensor("classifier.1.weight", &[1])
        .linear("classifier.2", 3, 32)
        .is("relu, avg, linear 32, leaky_relu 0.25, linear 3");
    torchvision().is("relu, avg");
    File { scheme: Scheme::Structure, ..File::behind("last_bn") }.linear("fc", 5, 40).is("relu, avg, linear 5");
    File { pooling: Some((Pooling::Maximum, "config.json")), ..torchvision() }
        .linear("classifier", 5, 40)
        .is("relu, max, linear 5");
}

#[test]
fn missing_numbers_of_a_sequential_are_its_layers_without_parameters() {
    let gap = torchvision().linear("classifier.0", 32, 40).linear("classifier.3", 3, 32);
    let warning = gap.assumes("relu, avg, linear 32, relu, linear 3");
    assert!(warning.contains("'classifier.1' is a ReLU; 'classifier.2' is a dropout"), "{warning}");
    torchvision()
        .linear("classifier.0", 32, 40)
        .linear("classifier.2", 24, 32)
        .linear("classifier.4", 3, 24)
        .assumes("relu, avg, linear 32, relu, linear 24, relu, linear 3");
    torchvision().linear("classifier.1", 3, 40).assumes("relu, avg, linear 3");
    torchvision()
        .norm("classifier.0", 40)
        .linear("classifier.2", 3, 40)
        .assumes("relu, avg, batch_norm 1e-5, linear 3");
    torchvision()
        .linear("classifier.0", 32, 40)
        .norm("classifier.1", 32)
        .linear("classifier.4", 3, 32)
        .assumes("relu, avg, linear 32, batch_norm 1e-5, relu, linear 3");
    torchvision()
        .linear("classifier.0", 32, 40)
        .norm("classifier.2", 32)
        .linear("classifier.4", 3, 32)
        .assumes("relu, avg, linear 32, relu, batch_norm 1e-5, linear 3");
    torchvision()
        .linear("classifier.0.0", 32, 40)
        .norm("classifier.0.1", 32)
        .linear("classifier.1.1", 3, 32)
        .assumes("relu, avg, linear 32, batch_norm 1e-5, relu, linear 3");
    // Square ones fit side by side too.
    torchvision()
        .linear("classifier.0", 40, 40)
        .linear("classifier.1", 40, 40)
        .assumes("relu, avg, linear 40, linear 40");
}

#[test]
fn names_without_numbers_are_ordered_by_their_widths() {
    let net = || File::behind("densenet.features.norm5");
    net().linear("fc1", 32, 40).linear("fc2", 3, 32).assumes("relu, avg, linear 32, relu, linear 3");
    net().linear("out", 3, 32).linear("hidden", 32, 40).assumes("relu, avg, linear 32, relu, linear 3");
    net()
        .linear("fc1", 32, 40)
        .norm("bn1", 32)
        .linear("fc2", 3, 32)
        .assumes("relu, avg, linear 32, batch_norm 1e-5, relu, linear 3");
    net()
        .norm("bn", 40)
        .linear("fc1", 32, 40)
        .linear("fc2", 3, 32)
        .assumes("relu, avg, batch_norm 1e-5, linear 32, relu, linear 3");
    torchvision()
        .linear("classifier.fc1", 32, 40)
        .linear("classifier.fc2", 3, 32)
        .assumes("relu, avg, linear 32, relu, linear 3");
    torchvision().linear("fc", 3, 40).assumes("relu, avg, linear 3");
    net().linear("fc1", 40, 40).linear("fc2", 40, 40).assumes("relu, avg, linear 40, relu, linear 40");
    net()
        .linear("first", 40, 40)
        .linear("second", 40, 40)
        .refuses("its layers fit in several orders: 'first', 'second' or");
}

#[test]
fn several_outputs_stand_side_by_side() {
    let net = || File::behind("backbone.features.norm5");
    let warning = net().linear("sex", 2, 40).linear("age", 1, 40).assumes("relu, avg; age: linear 1; sex: linear 2");
    assert!(warning.contains("the outputs are, by name, age, sex"), "{warning}");
    torchvision()
        .linear("classifier.age", 1, 40)
        .linear("classifier.sex", 2, 40)
        .assumes("relu, avg; age: linear 1; sex: linear 2");
    (0..3)
        .fold(torchvision(), |file, at| file.linear(&format!("classifier.{at}"), 1, 40))
        .assumes("relu, avg; 0: linear 1; 1: linear 1; 2: linear 1");
    net()
        .linear("heads.age.0", 32, 40)
        .linear("heads.age.2", 1, 32)
        .linear("heads.sex.0", 32, 40)
        .linear("heads.sex.2", 2, 32)
        .assumes("relu, avg; age: linear 32, relu, linear 1; sex: linear 32, relu, linear 2");
    net()
        .linear("shared", 32, 40)
        .linear("age", 1, 32)
        .linear("sex", 2, 32)
        .assumes("relu, avg, linear 32, relu; age: linear 1; sex: linear 2");
    net().linear("fc", 3, 40).linear("classifier", 5, 40).refuses("'classifier' or the other is left over");
    // The order is for whoever states it to choose.
    let stated =
        net().linear("sex", 2, 40).linear("age", 1, 40).read_as(Some("relu, avg; sex: linear; age: linear, relu"));
    assert_eq!(stated.unwrap().0, "relu, avg; sex: linear 2; age: linear 1, relu");
}

#[test]
fn a_heads_place_tells_of_the_last_relu_and_the_pooling() {
    let sequence = || File::behind("0.norm5");
    sequence().linear("3", 3, 40).assumes("avg, linear 3");
    sequence().linear("4", 3, 40).assumes("relu, avg, linear 3");
    sequence().linear("3", 3, 2560).assumes("relu, flatten 8x8, linear 3");
    sequence().linear("2", 3, 2560).assumes("flatten 8x8, linear 3");
    sequence().tensor("3.weight", &[3, 40, 1, 1]).tensor("3.bias", &[3]).assumes("relu, avg, linear 3");
    sequence().linear("4", 3, 80).refuses(
        "averages or maxima come first (avg+max or max+avg); state it, as in --head \"relu, avg+max, linear 3\"",
    );
    sequence().linear("4", 3, 120).refuses("3 for each of 40 channels, which is no square map");
    sequence().linear("9", 3, 40).refuses("8 modules without parameters stand before '9'");
    torchvision().linear("classifier", 3, 80).assumes("relu, avg+max, linear 3");
    torchvision().linear("classifier", 3, 360).assumes("relu, flatten 3x3, linear 3");
    File::behind("backbone.norm5").linear("head.1", 3, 40).assumes("relu, avg, linear 3");
    let fastai = || File::behind("0.0.norm5");
    fastai()
        .norm("1.2", 80)
        .tensor("1.4.weight", &[32, 80])
        .norm("1.6", 32)
        .tensor("1.8.weight", &[3, 32])
        .assumes("max+avg, batch_norm 1e-5, linear 32, relu, batch_norm 1e-5, linear 3");
    fastai().norm("1.2", 40).tensor("1.4.weight", &[3, 40]).assumes("avg, batch_norm 1e-5, linear 3");
    fastai().linear("1.3", 3, 80).assumes("max+avg, linear 3");
}

#[test]
fn a_leftover_classifier_is_told_from_one_that_is_read() {
    let net = || File::behind("backbone.features.norm5").linear("backbone.classifier", 5, 40);
    let warning = net().linear("fc", 3, 40).assumes("relu, avg, linear 3");
    assert!(warning.contains("'backbone.classifier' is left over"), "{warning}");
    let warning = net().linear("fc", 3, 5).assumes("relu, avg, linear 5, relu, linear 3");
    assert!(warning.contains("a ReLU stands between 'backbone.classifier' and 'fc'"), "{warning}");
    let stated = net().linear("fc", 3, 5).read_as(Some("relu, avg, linear, linear"));
    assert_eq!(stated.unwrap().0, "relu, avg, linear 5, linear 3");
}

#[test]
fn what_stands_before_the_network_in_a_sequential_is_said() {
    let (head, warning, _) = File::behind("1.features.norm5").linear("1.classifier", 5, 40).read_as(None).unwrap();
    let warning = warning.expect("a normalisation, perhaps");
    assert!(head == "relu, avg, linear 5" && warning.starts_with("'0' stands before the DenseNet"), "{warning}");
    File::behind("0.features.norm5").linear("0.classifier", 5, 40).is("relu, avg, linear 5");
}

#[test]
fn what_is_no_head_is_refused() {
    for (file, reason) in [
        (
            torchvision().tensor("gate.weight", &[5]),
            "a head that is not understood: 'gate.weight' [5] is part of an attention",
        ),
        (torchvision().tensor("slopes.weight", &[5]), "'slopes.weight' [5] is one vector"),
        (
            torchvision()
                .linear("classifier.0", 32, 40)
                .tensor("classifier.1.weight", &[32])
                .tensor("classifier.1.bias", &[32]),
            "'classifier.1.bias' [32] is a norm without running statistics, as LayerNorm",
        ),
        (
            File::behind("encoder.features.norm5").tensor("decoder.0.weight", &[8, 40, 3, 3]),
            "part of a larger network: beside the DenseNet in 'encoder', 'decoder.0.weight' [8, 40, 3, 3] is no linear layer; \
             --part encoder reads the DenseNet alone, for features",
        ),
        (
            torchvision().linear("classifier.0", 32, 40).linear("classifier.2", 3, 33),
            "behind 40 channels, 'classifier.0' linear 40 to 32, 'classifier.2' linear 33 to 3 do not follow each other",
        ),
        (
            File::behind("backbone.features.norm5").linear("tabular.0", 8, 7).linear("head", 2, 48),
            "a head that is not understood: behind 40 channels",
        ),
        (
            torchvision().linear("classifier.0", 3, 40).norm("classifier.2", 3),
            "'classifier.1', behind the last linear layer, has no parameters and may be anything",
        ),
        (
            torchvision().linear("classifier.0", 32, 40).linear("classifier.9", 3, 32),
            "8 layers without parameters stand behind",
        ),
    ] {
        file.refuses(reason);
    }
}

#[test]
fn a_stated_head_must_be_the_files() {
    let file = torchvision().linear("classifier.0", 32, 40).norm("classifier.1", 32).linear("classifier.4", 3, 32);
    let (head, warning, names) =
        file.read_as(Some("relu, max, linear, batch_norm 1e-3, gelu, dropout 0.5, linear 3")).unwrap();
    assert_eq!((head.as_str(), warning), ("relu, max, linear 32, batch_norm 1e-3, gelu, linear 3", None));
    assert_eq!(names[0], "classifier.0.bias");
    assert_eq!(names.last().unwrap(), "classifier.3.weight");
    for wrong in [
        "relu, avg, linear, linear",
        "relu, avg, linear 3",
        "avg",
        "relu, avg+max, linear, batch_norm, linear",
        "relu, avg, linear 31, batch_norm, linear",
        "relu, avg, linear, batch_norm; a: linear",
    ] {
        let error = file.read_as(Some(wrong)).unwrap_err();
        assert!(error.contains("is not the file's: its layers are 'classifier.0' linear 40 to 32"), "{error}");
    }
    let bare = torchvision().read_as(Some("avg+max")).unwrap();
    assert_eq!(bare.0, "avg+max");
}

#[test]
fn tensors_that_a_file_leaves_out_are_made() {
    let file = torchvision()
        .tensor("classifier.0.weight", &[32, 40])
        .tensor("classifier.1.running_mean", &[32])
        .tensor("classifier.1.running_var", &[32])
        .tensor("classifier.2.weight", &[3, 32]);
    let (head, _, names) = file.read_as(None).unwrap();
    assert_eq!(head, "relu, avg, linear 32, batch_norm 1e-5, linear 3");
    let made: Vec<&String> = names.iter().filter(|name| name.contains('=')).collect();
    assert_eq!(made, ["classifier.0.bias=0", "classifier.1.bias=0", "classifier.1.weight=1", "classifier.2.bias=0"]);
}

#[test]
fn what_is_stated_is_read_as_it_is_shown() {
    for (text, shown) in [
        ("relu, avg", "relu, avg"),
        ("RELU,avg,linear 512,relu;age:linear 1;sex:linear", "relu, avg, linear 512, relu; age: linear 1; sex: linear"),
        (
            "max+avg, batch_norm, dropout 0.25, linear, leaky_relu 0.2, leaky_relu",
            "max+avg, batch_norm, linear, leaky_relu 0.2, leaky_relu",
        ),
        ("relu, flatten 7x7, linear, sigmoid", "relu, flatten 7x7, linear, sigmoid"),
        ("relu, flatten, linear, log_softmax", "relu, flatten, linear, softmax"),
        (
            "relu, avg, batch_norm 1e-3, gelu, gelu_tanh, silu, tanh, linear 2",
            "relu, avg, batch_norm 1e-3, gelu, gelu_tanh, silu, tanh, linear 2",
        ),
    ] {
        let spec: HeadSpec = text.parse().unwrap();
        assert_eq!(spec.to_string(), shown);
        assert_eq!(shown.parse::<HeadSpec>().unwrap(), spec);
    }
    for (text, reason) in [
        ("", "only `relu` may stand before the pooling"),
        ("linear, relu", "only `relu` may stand before the pooling"),
        ("relu, avg, linaer 3", "'linaer' is no layer of a head; the nearest is 'linear'"),
        ("relu, avg, linear 0", "'linear 0': a number of outputs is expected"),
        ("relu, avg, linear 3 relu", "'linear 3 relu': a comma is expected before 'relu'"),
        ("relu, avg, linear, max", "a second pooling"),
        ("relu, avg, relu 3", "'relu' takes nothing behind it, but '3'"),
        ("relu, avg; linear 3", "'linear 3' names no output"),
        ("relu, flatten 7", "a size such as 7x7 is expected"),
        ("relu, avg, leaky_relu 7", "a number from 0 to 1 is expected"),
    ] {
        let error = text.parse::<HeadSpec>().unwrap_err().to_string();
        assert!(error.contains(reason) && error.starts_with("input: head '"), "{error}");
    }
}
