//! See [`comity_fuzz::gate`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::gate(data));
