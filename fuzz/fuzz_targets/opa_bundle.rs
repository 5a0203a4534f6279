//! Fuzzes `sealgate_fuzz::bundle::opa_bundle`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::bundle::opa_bundle(data));
