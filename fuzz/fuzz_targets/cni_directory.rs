//! Any files in a network directory: nothing that is not ours is lost.
#![no_main]

#[expect(dead_code, reason = "every target uses one of the checks")]
#[path = "../../crates/cni/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::directory(input));
