//! Fuzzes `sealgate_fuzz::guest::abi_builtin`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::guest::abi_builtin(data));
