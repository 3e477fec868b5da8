//! What a file is: its content tells, not its name.

/// The files that are read.
pub(super) const KNOWN: &str = ".safetensors, .pth, .pt, .bin, .h5, .keras or .onnx";

/// What the content says that the file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Safetensors,
    /// A pickle, or any zip that is not one of the others.
    PyTorch,
    /// HDF5, or a `.keras` archive.
    Keras,
    /// A protocol buffer of ONNX.
    Onnx,
    /// Not a weight file: what it is, and what to do, in a sentence.
    Foreign(String),
}

impl Kind {
    pub(super) fn of(bytes: &[u8]) -> Self {
        if let Some((what, remedy)) = foreign(bytes) {
            Kind::Foreign(format!("{what}, not a weight file: {remedy}; {KNOWN} is expected"))
        } else if is_onnx(bytes) {
            Kind::Onnx
        } else if bytes.starts_with(b"\x89HDF\r\n\x1a\n") || is_keras_archive(bytes) {
            Kind::Keras
        } else if is_zip(bytes) || is_pickle(bytes) {
            Kind::PyTorch
        } else if is_text(bytes) {
            let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
            Kind::Foreign(format!("plain text, not a weight file: it begins with '{beginning}'; {KNOWN} is expected"))
        } else if bytes.get(8) == Some(&b'{') {
            // The header's opening brace. Its length comes before it, and may be anything in a damaged file.
            Kind::Safetensors
        } else {
            let beginning: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let beginning = beginning.join(" ");
            Kind::Foreign(format!(
                "not a weight file of a known kind: it begins with bytes {beginning}; {KNOWN} is expected"
            ))
        }
    }
}

/// What people mistake for weights, and what to do about it. No library knows the models among these: they have no magic
/// number.
fn foreign(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const EXPORT: &str = "save the network's weights with the framework that it was exported from";
    const UNPACK: &str = "unpack it first";
    const FETCH: &str = "download the weights themselves";
    const NAME: &str = "name the file that holds the network's parameters";
    const BEGINNINGS: [(&[u8], &str, &str); 14] = [
        (b"version https://git-lfs", "a Git LFS pointer", "run `git lfs pull` to get the file"),
        (b"GGUF", "a GGUF model", "convert it to safetensors"),
        (b"\x93NUMPY", "a NumPy array (.npy)", "it holds a single array: save all parameters by name"),
        (b"\x1f\x8b", "a gzip archive", UNPACK),
        (b"BZh", "a bzip2 archive", UNPACK),
        (b"\xfd7zXZ\0", "an xz archive", UNPACK),
        (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
        (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", NAME),
        (b"\xff\xd8\xff", "a picture (JPEG)", NAME),
        (b"GIF8", "a picture (GIF)", NAME),
        (b"%PDF", "a PDF document", FETCH),
        (b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1", "a Lua Torch file (.t7)", "convert it to PyTorch first"),
        (b"\x12\x01\0\0\0\0\0\0", "MXNet parameters", EXPORT),
    ];
    let beginning = BEGINNINGS.iter().find(|(beginning, ..)| bytes.starts_with(beginning));
    if let Some((_, what, remedy)) = beginning {
        return Some((what, remedy));
    }
    match bytes {
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Some(("a TensorFlow Lite model", EXPORT)),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(("a picture (WebP)", NAME)),
        _ if is_tar(bytes) => Some(("a tar archive", UNPACK)),
        _ if is_markup(bytes) => Some(("a web page or other markup", FETCH)),
        _ if is_zip(bytes) => first_member(bytes)
            .filter(|name| name.ends_with(b".npy"))
            .map(|_| ("NumPy arrays (.npz)", "save the parameters as safetensors")),
        _ => Some((protobuf(bytes)?, EXPORT)),
    }
}

/// Models that are protocol buffers. They have no magic number, but their first fields tell them apart.
fn protobuf(bytes: &[u8]) -> Option<&'static str> {
    match *bytes {
        // Field 1 is a version, field 2 a message whose own first field is a message. ONNX' second field is a text.
        [0x08, version @ 1..0x80, 0x12, ref rest @ ..] => match (length_and(rest)?.first()?, version) {
            (0x0a, 1) => Some("a TensorFlow SavedModel (.pb)"),
            (0x0a, _) => Some("a Core ML model"),
            _ => None,
        },
        [0x0a, ref rest @ ..] => {
            let content = length_and(rest)?;
            match content {
                // A node: its name, then its operation.
                [0x0a, name @ ..] => {
                    let (length, name) = name.split_first()?;
                    (name.get(usize::from(*length))? == &0x12).then_some("a TensorFlow graph (.pb)")
                }
                // The network's name, then its layers (field 100 or, in old files, 2) or its input (3).
                _ => {
                    let after = content.get(usize::from(*rest.first()?)..)?;
                    let layers = [&b"\xa2\x06"[..], b"\x12", b"\x1a"].iter().any(|tag| after.starts_with(tag));
                    (content.first()?.is_ascii_graphic() && layers).then_some("a Caffe model")
                }
            }
        }
        _ => None,
    }
}

/// An ONNX model's first fields: a version (1), then its producer (2, a text) or a later one.
fn is_onnx(bytes: &[u8]) -> bool {
    match *bytes {
        [0x08, 1..0x80, 0x12, 0, ..] => true,
        [0x08, 1..0x80, 0x12, ref rest @ ..] => {
            length_and(rest).and_then(<[u8]>::first).is_some_and(u8::is_ascii_graphic)
        }
        [0x08, 1..0x80, 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42, ..] => true,
        _ => false,
    }
}

/// What follows a length.
fn length_and(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    bytes.get(end + 1..)
}

fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// The name of a zip's first member.
fn first_member(bytes: &[u8]) -> Option<&[u8]> {
    let length = u16::from_le_bytes(*bytes.get(26..)?.first_chunk()?);
    bytes.get(30..30 + usize::from(length))
}

/// A zip with the members that Keras 3 writes, whose names are in the table at its end.
fn is_keras_archive(bytes: &[u8]) -> bool {
    let end = &bytes[bytes.len().saturating_sub(4096)..];
    is_zip(bytes) && end.windows(16).any(|window| window == b"model.weights.h5")
}

/// A pickle of protocol 2 or later.
fn is_pickle(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x80) && bytes.get(1).is_some_and(|protocol| (2..=5).contains(protocol))
}

/// PyTorch wrote tars until 0.1.9, before it had a DenseNet.
fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

fn is_markup(bytes: &[u8]) -> bool {
    is_text(bytes) && bytes.trim_ascii_start().starts_with(b"<")
}

/// The first bytes are printable.
fn is_text(bytes: &[u8]) -> bool {
    let beginning = &bytes[..bytes.len().min(64)];
    // The cut may go through a character.
    let valid = std::str::from_utf8(beginning).map_or_else(|e| e.valid_up_to(), str::len);
    let printable = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    !beginning.is_empty() && valid + 3 >= beginning.len() && beginning.iter().all(printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(beginning: &[u8]) -> Vec<u8> {
        [beginning, &[7; 600]].concat()
    }

    #[test]
    fn weight_files_are_told_by_content() {
        for (beginning, kind) in [
            (&b"\x40\0\0\0\0\0\0\0{\"a\""[..], Kind::Safetensors),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff{\"a\"", Kind::Safetensors),
            (b"PK\x03\x04", Kind::PyTorch),
            (b"\x80\x02\x8a\x0a", Kind::PyTorch),
            (b"\x89HDF\r\n\x1a\n", Kind::Keras),
            // PyTorch's exporter, TensorFlow's (tf2onnx), files without a producer, and with an empty one.
            (b"\x08\x07\x12\x07pytorch\x1a\x051.9.0", Kind::Onnx),
            (b"\x08\x08\x12\x07tf2onnx", Kind::Onnx),
            (b"\x08\x0a\x3a\xf0\x01", Kind::Onnx),
            (b"\x08\x0a\x12\0\x3a\xf0\x01", Kind::Onnx),
        ] {
            assert_eq!(Kind::of(&padded(beginning)), kind);
        }
        assert_eq!(Kind::of(b"PK\x03\x04...model.weights.h5"), Kind::Keras);
    }

    #[test]
    fn everything_else_is_called_what_it_is() {
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let npz = b"PK\x03\x04\x14\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0w.npy";
        for (bytes, what) in [
            (padded(b"\x08\x01\x12\xf4\xc1\xa2\x01\x0a\xdf\x01"), "a TensorFlow SavedModel (.pb)"),
            (padded(b"\x0a\x28\x0a\x05input\x12\x0bPlaceholder"), "a TensorFlow graph (.pb)"),
            (padded(b"\x08\x04\x12\x8a\x01\x0a\x10"), "a Core ML model"),
            (padded(b"\x0a\x0cDENSENET_121\xa2\x06\x20"), "a Caffe model"),
            (padded(b"\x1c\0\0\0TFL3"), "a TensorFlow Lite model"),
            (padded(b"GGUF\x03\0\0\0"), "a GGUF model"),
            (padded(b"\x93NUMPY\x01\0"), "a NumPy array (.npy)"),
            (padded(npz), "NumPy arrays (.npz)"),
            (padded(b"\x1f\x8b\x08"), "a gzip archive, not a weight file: unpack it first; .safetensors"),
            (padded(b"BZh9"), "a bzip2 archive"),
            (padded(b"\xfd7zXZ\0"), "an xz archive"),
            (padded(b"\x28\xb5\x2f\xfd"), "a zstd archive"),
            (padded(b"7z\xbc\xaf\x27\x1c"), "a 7z archive"),
            (tar, "a tar archive"),
            (padded(b"\x89PNG\r\n\x1a\n"), "a picture (PNG)"),
            (padded(b"\xff\xd8\xff\xe0"), "a picture (JPEG)"),
            (padded(b"GIF89a"), "a picture (GIF)"),
            (padded(b"RIFF\0\0\0\0WEBPVP8 "), "a picture (WebP)"),
            (padded(b"%PDF-1.7"), "a PDF document"),
            (padded(b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1\x0d\0\0\0"), "a Lua Torch file (.t7)"),
            (padded(b"\x12\x01\0\0\0\0\0\0"), "MXNet parameters"),
            (b"\n<!DOCTYPE html>".to_vec(), "a web page or other markup"),
            (
                b"version https://git-lfs.github.com/spec/v1".to_vec(),
                "a Git LFS pointer, not a weight file: run `git lfs pull` to get the file",
            ),
            (b"{\"a\": 1}".to_vec(), "plain text, not a weight file: it begins with '{\"a\": 1}'"),
            (b"var x = {}".to_vec(), "plain text"),
            (vec![1, 2, 3], "not a weight file of a known kind: it begins with bytes 01 02 03; .safetensors"),
            (padded(b"\x08\x07\x12"), "not a weight file of a known kind: it begins with bytes 08 07 12 07 07"),
            (vec![0; 600], "not a weight file of a known kind: it begins with bytes 00 00"),
        ] {
            match Kind::of(&bytes) {
                Kind::Foreign(reason) => {
                    assert!(reason.starts_with(what), "'{reason}' does not begin with '{what}'");
                    assert!(
                        reason.ends_with("; .safetensors, .pth, .pt, .bin, .h5, .keras or .onnx is expected"),
                        "{reason}"
                    );
                }
                kind => panic!("{what}: {kind:?}"),
            }
        }
    }
}
