//! One frame as it comes from the cable, compared with a naive reader.
#![no_main]

#[path = "../../crates/handler/tests/lldp/checks.rs"]
mod checks;
// The parser alone: its crate links nmstate, which is a hundred crates more to instrument.
#[expect(dead_code, reason = "the check reads only a part of what a frame says")]
#[path = "../../crates/handler/src/lldp/frame/mod.rs"]
mod frame;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::lldp_frame(input));
