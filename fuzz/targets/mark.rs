//! See [`comity_fuzz::mark`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::mark(data));
