//! Fuzzes `sealgate_fuzz::decision::decision`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::decision::decision(data));
