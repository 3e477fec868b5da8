//! The configuration in an otherwise valid `.keras` archive.
#![no_main]

use std::io::{Cursor, Read, Write};
use std::sync::LazyLock;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// The weights of a small model. Its configuration is among the seeds.
static WEIGHTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/keras-files.zip");
    let member = |archive: Vec<u8>, name: &str| {
        let mut bytes = Vec::new();
        ZipArchive::new(Cursor::new(archive)).unwrap().by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    member(member(std::fs::read(path).unwrap(), "applications.keras"), "model.weights.h5")
});

libfuzzer_sys::fuzz_target!(|configuration: &[u8]| {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in [("config.json", configuration), ("model.weights.h5", &WEIGHTS)] {
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    densenet_fuzz::check(&zip.finish().unwrap().into_inner());
});
