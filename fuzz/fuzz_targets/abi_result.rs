//! Fuzzes `sealgate_fuzz::guest::abi_result`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::guest::abi_result(data));
