//! See [`comity_fuzz::mirror`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::mirror(data));
