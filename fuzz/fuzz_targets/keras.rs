//! Keras' files: HDF5, and archives.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") || bytes.starts_with(b"PK\x03\x04") {
        densenet_fuzz::check(bytes);
    }
});
