//! Fuzzes `sealgate_fuzz::rego::rego_compile`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::rego::rego_compile(data));
