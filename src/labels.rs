//! Names of the classes.

use std::path::Path;

use crate::architecture::Architecture;
use crate::error::{Error, Result};

/// Class names in index order, from torchvision (`models/_meta.py`, BSD-3-Clause: assets/LICENSE.torchvision.txt).
const IMAGENET: &str = include_str!("../assets/imagenet_labels.txt");

/// The 1,000 names of ImageNet's classes (ILSVRC 2012) in the order in which torchvision and Keras number them.
pub fn imagenet() -> Vec<String> {
    IMAGENET.lines().map(str::to_owned).collect()
}

/// Names for a network of `classes` outputs whose file has none: ImageNet's if there are 1,000, else `class 0`, `class 1`, ...
pub fn for_classes(classes: usize) -> Vec<String> {
    let imagenet = imagenet();
    if classes == imagenet.len() {
        return imagenet;
    }
    (0..classes).map(|i| format!("class {i}")).collect()
}

/// As [`for_classes`], for a network that may have several outputs: there `sex: class 0`, `sex: class 1`, or `age` alone for
/// an output of one value.
pub fn for_outputs(architecture: &Architecture) -> Vec<String> {
    let of_output = |(name, width, _): (&str, usize, _)| match (name, width) {
        ("", classes) => for_classes(classes),
        (name, 1) => vec![name.to_string()],
        (name, classes) => (0..classes).map(|i| format!("{name}: class {i}")).collect(),
    };
    architecture.outputs().into_iter().flat_map(of_output).collect()
}

/// Reads class names in index order: one a line, or a JSON array of strings.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read or is not UTF-8, [`Error::File`] where it holds no names.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<String>> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "reading class names", e))?;
    parse(&text).map_err(|reason| Error::file(path, reason))
}

fn parse(text: &str) -> std::result::Result<Vec<String>, String> {
    // Some editors on Windows begin a file with a byte order mark.
    let text = text.trim_start_matches('\u{feff}').trim();
    let names: Vec<String> = if text.starts_with(['[', '{']) {
        serde_json::from_str(text).map_err(|e| {
            format!("not a list of class names: {e}; write one name a line, or a JSON array of strings in index order")
        })?
    } else {
        // A blank line is a class without a name; dropping it would shift all that follow.
        text.lines().map(|line| line.trim().to_owned()).collect()
    };
    if names.is_empty() {
        return Err("holds no class names: write one name a line, or a JSON array of strings".into());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imagenet_is_complete_and_in_order() {
        let names = imagenet();
        assert_eq!(names.len(), 1000);
        assert_eq!((names[0].as_str(), names[281].as_str(), names[999].as_str()), ("tench", "tabby", "toilet tissue"));
        assert!(names.iter().all(|n| !n.is_empty() && n.trim() == n));
        assert_eq!(for_classes(1000), names);
        assert_eq!(for_classes(2), ["class 0", "class 1"]);
    }

    #[test]
    fn lines_and_json_are_read() {
        assert_eq!(parse("\u{feff}cat\r\n dog \r\n\r\ncup\n\n").unwrap(), ["cat", "dog", "", "cup"]);
        assert_eq!(parse(" [\"cat\", \"a, b\"]\n").unwrap(), ["cat", "a, b"]);
        assert!(parse("\n \n").unwrap_err().contains("no class names"));
        assert!(parse("[]").unwrap_err().contains("no class names"));
        assert!(parse("{\"0\": \"cat\"}").unwrap_err().contains("JSON array of strings"));
        assert!(read("no/such/file").unwrap_err().to_string().contains("no/such/file"));
    }
}
