//! See [`comity_fuzz::statement`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::statement(data));
