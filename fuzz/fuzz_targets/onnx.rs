//! ONNX models, as bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first fields tell the format: whatever the input is, it begins as PyTorch's models do.
    densenet_fuzz::check(&[b"\x08\x08\x12\x07pytorch", bytes].concat());
    if bytes.starts_with(b"\x08") {
        densenet_fuzz::check(bytes);
    }
});
