//! See [`comity_fuzz::content`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::content(data));
