//! The cache file of `kube-node`: administrators write it, too.
#![no_main]

#[expect(dead_code, reason = "every target uses one of the checks")]
#[path = "../../crates/cni/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::node_cache(input));
