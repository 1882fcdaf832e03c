//! See [`comity_fuzz::witness`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::witness(data));
