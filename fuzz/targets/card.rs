//! See [`comity_fuzz::card`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::card(data));
