//! Fuzzes `sealgate_fuzz::policy::policy_yaml`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::policy::policy_yaml(data));
