//! Changes to a set, compared with a naive set.
#![no_main]

#[expect(dead_code, reason = "every target uses one of the checks")]
#[path = "../../crates/addr/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|programme: &[u8]| checks::sets::set_operations(programme));
