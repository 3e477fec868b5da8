//! The library's `unsafe` calls with AddressSanitizer.

use crate::cargo::{cargo, root, run};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Runs the tests of matrix products in a build that ends at the first access outside of a slice. The toolchain brings the
/// sanitizer on Linux; elsewhere this says that it was left out.
pub(crate) fn check() -> Result<(), String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        println!("NOT CHECKED: the toolchain has no AddressSanitizer here. CI checks the unsafe calls on {TARGET}.");
        return Ok(());
    }
    let folder = root().join("tools/soundness");
    // The flag is not stable, but what it needs comes with the stable toolchain. A target makes cargo build procedural
    // macros, which the compiler loads, without it.
    run(cargo(&["test", "--quiet", "--target", TARGET])
        .current_dir(&folder)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address -Copt-level=1")
        .env("CARGO_TARGET_DIR", root().join("target/soundness")))
}
