//! See [`comity_fuzz::marking`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::marking(data));
