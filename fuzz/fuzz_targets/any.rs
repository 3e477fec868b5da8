//! A file of any kind: its content says which reader it is for.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| densenet_fuzz::check(bytes));
