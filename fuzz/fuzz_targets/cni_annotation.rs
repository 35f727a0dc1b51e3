//! The text of a node annotation: whoever writes it, root reads it.
#![no_main]

#[expect(dead_code, reason = "every target uses one of the checks")]
#[path = "../../crates/cni/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &str| checks::annotation(input));
