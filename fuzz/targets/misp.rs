//! See [`comity_fuzz::misp`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::misp(data));
