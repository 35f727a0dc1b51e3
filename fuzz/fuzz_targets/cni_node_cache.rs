//! The file in which `kube-node` keeps the ranges of its node: administrators write it, too.
#![no_main]

use cni::plan::NodeCache;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let Some(cache) = NodeCache::parse(text) else { return };
    let written = cache.to_bytes();
    let again = NodeCache::parse(&written).expect("what we write can be read");
    assert_eq!(again, cache);
});
