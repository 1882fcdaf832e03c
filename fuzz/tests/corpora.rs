//! Every target on its corpus: what the fuzzer found worth keeping, and the vectors.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

#[test]
fn no_input_that_was_kept_is_a_finding() {
    for (name, target) in comity_fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(Result::unwrap).collect();
        assert!(files.len() > 1, "{name}: a corpus has more than one input");
        for file in files {
            let bytes = std::fs::read(file.path()).unwrap();
            // A panic says which by the test's output.
            println!("{}", file.path().display());
            target(&bytes);
        }
    }
}
