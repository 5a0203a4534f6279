//! Fuzzes `sealgate_fuzz::bundle::signatures`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::bundle::signatures(data));
