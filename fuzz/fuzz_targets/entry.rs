//! One entry of the address grammar, compared with a naive grammar.
#![no_main]

#[expect(dead_code, reason = "every target uses one of the checks")]
#[path = "../../crates/addr/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|text: &str| checks::entry(text));
