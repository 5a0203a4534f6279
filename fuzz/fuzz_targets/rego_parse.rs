//! Fuzzes `sealgate_fuzz::rego::rego_parse`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::rego::rego_parse(data));
