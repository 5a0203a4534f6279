//! Fuzzes `sealgate_fuzz::decision::rego_decision`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::decision::rego_decision(data));
