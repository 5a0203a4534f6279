//! Fuzzes `sealgate_fuzz::policy::constraint`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::policy::constraint(data));
