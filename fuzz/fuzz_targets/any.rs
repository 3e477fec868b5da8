//! A file of any kind: its content tells which reader gets it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| densenet_fuzz::check(bytes));
