//! Hand-made files: what PyTorch does not write, and what nobody should.

use std::io::{Cursor, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::archive::Place;
use super::read::read_from;
use crate::pause::{Pause, at_once};
use crate::weights::source::Source;
use crate::weights::{OpenOptions, from_bytes};

fn read(bytes: &[u8], path: Option<&Path>) -> Result<Source<'static>, String> {
    at_once(super::read(bytes, path, &Pause::default()))
}

fn read_now(bytes: &[u8], place: Place) -> Result<Source<'static>, String> {
    at_once(read_from(bytes, place, &Pause::default()))
}

fn archive(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn stored(pickle: &[u8]) -> Vec<u8> {
    let data = [0u8; 64];
    archive(&[("a/data.pkl", pickle), ("a/byteorder", b"little"), ("a/data/0", &data)], CompressionMethod::Stored)
}

/// The error, which must come soon and be one line.
fn refused(bytes: &[u8]) -> String {
    let start = Instant::now();
    let error = from_bytes(bytes, "x.pth", &OpenOptions::default()).unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(20), "{error}");
    assert!(error.starts_with("x.pth: ") && !error.contains('\n') && error.len() < 1000, "{error}");
    error
}

/// `{name: tensor}`, each a view of storage 0, which holds 16 floats, of shape and strides.
fn state_dict(tensors: &[(&str, &[i32], &[i32])]) -> Vec<u8> {
    fn text(out: &mut Vec<u8>, text: &str) {
        out.push(b'X');
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text.as_bytes());
    }
    fn numbers(out: &mut Vec<u8>, numbers: &[i32]) {
        out.push(b'(');
        for number in numbers {
            out.push(b'J');
            out.extend(number.to_le_bytes());
        }
        out.push(b't');
    }
    let mut out = b"\x80\x02}(".to_vec();
    for (name, shape, strides) in tensors {
        text(&mut out, name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        out.extend(b"ctorch\nFloatStorage\n");
        text(&mut out, "0");
        text(&mut out, "cpu");
        out.extend(b"K\x10tQK\x00");
        numbers(&mut out, shape);
        numbers(&mut out, strides);
        out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    out.extend(b"u.");
    out
}

#[test]
fn a_hand_made_state_dict_is_read() {
    let file = stored(&state_dict(&[("conv.weight", &[2, 3], &[1, 2]), ("b", &[4], &[1])]));
    let source = read(&file, None).unwrap();
    let shapes: Vec<_> = source.entries.iter().map(|e| (e.name.as_str(), e.shape.as_slice(), e.bytes.len())).collect();
    assert_eq!(shapes, [("b", &[4][..], 16), ("conv.weight", &[2, 3][..], 24)]);
}

#[test]
fn a_compressed_archive_is_read_like_a_stored_one() {
    let (pickle, data) = (state_dict(&[("b", &[4], &[1]), ("a", &[2, 2], &[1, 2])]), (0..64).collect::<Vec<u8>>());
    let members: [(&str, &[u8]); 3] = [("a/data.pkl", &pickle), ("a/byteorder", b"little"), ("a/data/0", &data)];
    let [stored, packed] = [CompressionMethod::Stored, CompressionMethod::Deflated].map(|method| {
        let source = read(&archive(&members, method), None).unwrap();
        source.entries.into_iter().map(|e| (e.name, e.shape, e.bytes.into_owned())).collect::<Vec<_>>()
    });
    assert_eq!(stored, packed);
    assert_eq!(stored[1].2, data[..16]);
}

#[test]
fn what_is_no_state_dict_is_refused_with_advice() {
    let torchscript: [(&str, &[u8]); 3] =
        [("m/data.pkl", b"\x80\x02}."), ("m/code/__torch__.py", b""), ("m/constants.pkl", b"\x80\x02).")];
    for (bytes, message) in [
        (
            archive(&torchscript, CompressionMethod::Stored),
            "a TorchScript archive whose parameters cannot be read: a PyTorch (zip) file without tensors",
        ),
        (archive(&[("readme.txt", b"hello")], CompressionMethod::Stored), "a zip without data.pkl"),
        (stored(b"\x80\x02}."), "a PyTorch (zip) file without tensors"),
        (stored(b"\x80\x02]."), "Expected a dictionary at the root of the PyTorch file, found list"),
        (stored(b"\x80\x02K\x01."), "found int"),
        (stored(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R."), "found posix.system"),
        (b"\x80\x02}X\x01\x00\x00\x00aK\x01s.".to_vec(), "a pickle file without tensors"),
        (stored(b"\x80\x02}"), "failed to fill whole buffer"),
        (stored(b"\x80\x02\xff."), "cannot be read"),
        (
            stored(&state_dict(&[("layer1.0.conv1.weight", &[2, 2, 1, 1], &[2, 1, 1, 1])])),
            "it holds 'layer1.0.conv1.weight', as a ResNet does, nor one by structure: ",
        ),
    ] {
        let error = refused(&bytes);
        assert!(error.contains(message), "'{error}' does not say '{message}'");
    }
}

#[test]
fn sizes_that_overflow_or_exceed_the_file_are_refused() {
    let most = i32::MAX;
    for (shape, strides) in [
        (&[most, most, most][..], &[1, 1, 1][..]),
        (&[most, 2, 2], &[0, 0, 0]),
        (&[17], &[1]),
        (&[2], &[most]),
        (&[-1], &[1]),
        (&[1 << 20, 64], &[0, 0]),
    ] {
        refused(&stored(&state_dict(&[("features.conv0.weight", shape, strides)])));
    }
    // More of them than any network has, each as large as the file allows.
    let names: Vec<String> = (0..30_000).map(|i| format!("x{i}.weight")).collect();
    let many: Vec<(&str, &[i32], &[i32])> = names.iter().map(|name| (name.as_str(), &[16][..], &[0][..])).collect();
    let error = refused(&stored(&state_dict(&many)));
    assert!(error.contains("30000 tensors of 1920000 bytes: a DenseNet has at most 20000 tensors"), "{error}");
    let error = refused(&stored(&state_dict(&[("a", &[1 << 20, 64], &[0, 0])])));
    assert!(error.contains("1 tensors of 268435456 bytes"), "{error}");
}

#[test]
fn bombs_do_not_go_off() {
    let zeros = vec![0u8; 64 << 20];
    let pickle = state_dict(&[("features.conv0.weight", &[16], &[1])]);
    let entries: [(&str, &[u8]); 2] = [("a/data.pkl", &pickle), ("a/data/0", &zeros)];
    let error = refused(&archive(&entries, CompressionMethod::Deflated));
    assert!(error.contains("that unpacks to 67109"), "{error}");
    let error = refused(&archive(&[("a/data.pkl", &zeros), ("b", &zeros)], CompressionMethod::Stored));
    assert!(error.contains("its data.pkl has 67108864 bytes, and at most 8388608 are read"), "{error}");
    // A list in a list in a list.
    let deep = [b"\x80\x02".to_vec(), vec![b']'; 200_000], vec![b'a'; 199_999], b".".to_vec()].concat();
    refused(&stored(&deep));
    refused(&deep);
    // A pair of the pair before, thirty times and again.
    let mut doubled = b"\x80\x02]".to_vec();
    (0..60).for_each(|_| doubled.extend(b"2\x86"));
    doubled.push(b'.');
    refused(&stored(&doubled));
    // As many small objects as fit.
    let many = [b"\x80\x02(".to_vec(), vec![b'N'; 7 << 20], b"l.".to_vec()].concat();
    refused(&stored(&many));
}

#[test]
fn every_truncation_and_any_damage_is_an_error_or_the_network() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch-files.zip");
    let mut files = ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    for name in ["zip.pth", "legacy-dotted.pth", "module.pt"] {
        let mut whole = Vec::new();
        std::io::copy(&mut files.by_name(name).unwrap(), &mut whole).unwrap();
        for length in (1..whole.len()).step_by(whole.len() / 40) {
            refused(&whole[..length]);
        }
        for at in (0..whole.len()).step_by(whole.len() / 150) {
            for value in [0, 0xff, whole[at] ^ 0x55] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                if let Err(error) = from_bytes(&damaged, "x.pth", &OpenOptions::default()) {
                    assert!(!error.to_string().contains('\n'), "{error}");
                }
            }
        }
    }
}

/// Both ways of reading a file agree, in what they yield and in what they refuse.
fn same_from_memory(file: &[u8], what: &str) {
    let entries = |place| {
        let source = read_now(file, place)?;
        let mut entries: Vec<_> = source
            .entries
            .into_iter()
            .map(|e| (e.name, e.shape, format!("{:?}", e.number), e.bytes.into_owned()))
            .collect();
        entries.sort();
        Ok::<_, String>((source.format, entries, source.order, source.ignored))
    };
    match (entries(Place::File(None)), entries(Place::Memory)) {
        (Ok(file), Ok(memory)) => assert!(file == memory, "{what}"),
        (Err(_), Err(_)) => {}
        (file, memory) => panic!("{what}: {:?}, but from memory {:?}", file.map(drop), memory.map(drop)),
    }
}

#[test]
fn files_in_memory_are_read_as_the_library_reads_them() {
    let mut read = 0;
    for archive in ["torch-files.zip", "torch-heads.zip", "ports.zip"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(archive);
        let mut files = ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
        for index in 0..files.len() {
            let mut file = files.by_index(index).unwrap();
            let name = file.name().unwrap().to_string();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
            if bytes.starts_with(b"PK") || bytes.starts_with(b"\x80") {
                same_from_memory(&bytes, &format!("{archive}: {name}"));
                read += 1;
            }
        }
    }
    assert!(read > 20, "{read}");
    let pickle = state_dict(&[("a", &[2, 3], &[1, 2]), ("b", &[4], &[1]), ("c", &[2, 2], &[0, 1]), ("d", &[0], &[1])]);
    same_from_memory(&stored(&pickle), "views");
    for wrong in [&[("a", &[5, 5][..], &[5, 1][..])][..], &[("a", &[2], &[i32::MAX])], &[("a", &[2, 2], &[1])]] {
        same_from_memory(&stored(&state_dict(wrong)), "a view that does not fit");
    }
    let whole = stored(&pickle);
    for cut in 0..whole.len() {
        same_from_memory(&whole[..cut], "a truncated file");
    }
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        let memory = read_now(&damaged, Place::Memory);
        // What the library refuses, this refuses: it may be stricter where a checksum tells.
        if let Err(reason) = read_now(&damaged, Place::File(None)).map(drop) {
            assert!(memory.is_err(), "byte {place} of {}: {reason}", whole.len());
        }
    }
}
