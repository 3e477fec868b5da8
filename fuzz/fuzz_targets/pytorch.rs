//! PyTorch's files: zips, legacy pickles, tars.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let pickle = bytes.first() == Some(&0x80);
    let tar = bytes.get(257..262) == Some(b"ustar");
    if bytes.starts_with(b"PK\x03\x04") || pickle || tar {
        densenet_fuzz::check(bytes);
    }
});
