//! Naming schemes, and the names of a file once they are recognised.

use std::collections::BTreeMap;
use std::fmt;

use super::super::order::ChannelOrder;
use super::super::statements::Statements;

/// How a file names the parameters of a DenseNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) enum Scheme {
    /// `features.denseblock1.denselayer1.norm1.weight`, the canonical names.
    Torchvision,
    /// `features.denseblock1.denselayer1.norm.1.weight`, as torchvision wrote them until 2017.
    TorchvisionDotted,
    /// `conv2_block1_0_bn.weight`, of keras.applications.
    KerasApplications,
    /// `conv2_1_x1_bn.weight`, of the Keras ports of the Caffe model.
    KerasArticle,
    /// A Keras model whose own configuration says which layer is which, whatever they are called.
    #[cfg_attr(not(feature = "keras"), expect(dead_code, reason = "only its reader makes it"))]
    KerasModel,
    /// An ONNX model, whose graph says which tensor is which.
    #[cfg_attr(not(feature = "onnx"), expect(dead_code, reason = "only its reader makes it"))]
    OnnxModel,
    /// Unknown names: the shapes tell which tensor is which.
    Structure,
}

impl Scheme {
    /// The batch norm epsilon of the library that uses these names.
    pub(in crate::weights) fn eps(self) -> f64 {
        match self {
            Scheme::Torchvision | Scheme::TorchvisionDotted | Scheme::OnnxModel | Scheme::Structure => 1e-5,
            Scheme::KerasApplications => 1.001e-5,
            Scheme::KerasArticle => 1.1e-5,
            // What `BatchNormalization` has unless told otherwise.
            Scheme::KerasModel => 1e-3,
        }
    }

    /// What holds for networks with these names unless they say otherwise.
    pub(in crate::weights) fn defaults(self) -> [Statements; 2] {
        let (library, preprocessing) = match self {
            Scheme::Torchvision | Scheme::TorchvisionDotted | Scheme::Structure => ("torchvision", None),
            Scheme::KerasApplications => ("keras.applications", Some("keras")),
            Scheme::KerasArticle => ("the Keras ports of the Caffe model", Some("caffe")),
            Scheme::KerasModel => ("Keras", None),
            Scheme::OnnxModel => ("ONNX", None),
        };
        let eps = Some(self.eps());
        let channel_order = Some(ChannelOrder::NewLast);
        let preprocessing = preprocessing.map(String::from);
        [
            Statements { eps, channel_order, ..Statements::from(format!("default of {library}")) },
            Statements { preprocessing, ..Statements::from(format!("goes with {library}")) },
        ]
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Torchvision => "torchvision",
            Scheme::TorchvisionDotted => "torchvision, old dotted names",
            Scheme::KerasApplications => "keras.applications",
            Scheme::KerasArticle => "Keras, Caffe's layer names",
            Scheme::KerasModel => "Keras, by the model's configuration",
            Scheme::OnnxModel => "ONNX, by the model's graph",
            Scheme::Structure => "recognised by structure",
        })
    }
}

/// A file's names, recognised.
#[derive(Debug)]
pub(in crate::weights) struct Names {
    pub(in crate::weights) scheme: Scheme,
    /// What comes before every name, such as `module.`.
    pub(in crate::weights) prefix: String,
    /// For each name of the file its canonical one, or none where it holds nothing that inference needs.
    pub(in crate::weights) canonical: Vec<Option<String>>,
    /// What a person should check.
    pub(in crate::weights) notes: Vec<String>,
}

impl Names {
    /// Without a prefix or notes.
    pub(in crate::weights) fn new(scheme: Scheme, canonical: Vec<Option<String>>) -> Self {
        Names { scheme, prefix: String::new(), canonical, notes: Vec::new() }
    }

    /// Refuses two names of the file for one tensor. `names` are the file's.
    pub(super) fn unique(self, names: &[&str]) -> Result<Self, String> {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, mapped) in names.iter().zip(&self.canonical) {
            if let Some(mapped) = mapped
                && let Some(other) = owners.insert(mapped, name)
            {
                return Err(format!("'{other}' and '{name}' are both '{mapped}': one tensor for each is expected"));
            }
        }
        Ok(self)
    }
}

impl fmt::Display for Names {
    /// The scheme, and the prefix where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.scheme.fmt(f)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, ", behind '{}'", self.prefix) }
    }
}
