//! See [`comity_fuzz::marking`].
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::marking(data));

/// Without the fuzzer it does nothing: `tests/corpora.rs` runs the function.
#[cfg(not(fuzzing))]
fn main() {}
