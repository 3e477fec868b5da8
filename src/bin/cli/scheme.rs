//! How names of published weights are told from paths.

/// Who publishes weights: what stands before the colon of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `torchvision:densenet121`
    Torchvision,
    /// `keras:densenet121`
    Keras,
    /// `hf:OWNER/NAME`
    Hub,
}

impl Scheme {
    /// A name's scheme, and what stands behind the colon; none of a path. A file of such a name is given as `./hf:..`.
    pub(crate) fn split(text: &str) -> Option<(Scheme, &str)> {
        let (scheme, rest) = text.split_once(':')?;
        let scheme = match scheme {
            "torchvision" => Scheme::Torchvision,
            "keras" => Scheme::Keras,
            "hf" => Scheme::Hub,
            // Windows' drives too.
            _ => return None,
        };
        Some((scheme, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::Scheme;

    #[test]
    fn names_are_told_from_paths() {
        assert_eq!(Scheme::split("torchvision:densenet121"), Some((Scheme::Torchvision, "densenet121")));
        assert_eq!(Scheme::split("hf:a/b@c"), Some((Scheme::Hub, "a/b@c")));
        for path in ["densenet121.pth", "./hf:a/b", "C:\\hf:x", "hf", "timm:densenet121", "/a/keras:b", ""] {
            assert_eq!(Scheme::split(path), None, "{path}");
        }
    }
}
