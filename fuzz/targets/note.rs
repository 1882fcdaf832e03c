//! See [`comity_fuzz::note`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::note(data));
