//! See [`comity_fuzz::stix`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::stix(data));
