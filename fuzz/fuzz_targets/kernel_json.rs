//! Fuzzes `sealgate_fuzz::kernel::json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::kernel::json(data));
