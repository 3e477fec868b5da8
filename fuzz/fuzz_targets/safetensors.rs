//! A safetensors file: a header, its length being right, and data.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    densenet_fuzz::check(bytes);
    // The same with the length that its header really has: few mutations would find it.
    let Some(rest) = bytes.get(8..) else { return };
    let Some(end) = rest.windows(2).rposition(|window| window == b"}}") else { return };
    let header = end as u64 + 2;
    densenet_fuzz::check(&[&header.to_le_bytes(), rest].concat());
});
