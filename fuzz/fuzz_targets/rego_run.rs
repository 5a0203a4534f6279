//! Fuzzes `sealgate_fuzz::decision::rego_run`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::decision::rego_run(data));
