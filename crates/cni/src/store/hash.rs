//! The hashes of the index. Written out here because they are kept on disk: whoever changes one changes the first word of
//! the header of the index, too.

use std::net::IpAddr;

/// FNV-1a over the bytes, then the finisher of MurmurHash3, so that sums of hashes do not cancel out. Never 0.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv).max(1)
}

/// A directory entry: which file stands under the name of which address.
pub(super) fn entry(address: IpAddr, inode: u64) -> u64 {
    let bits = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    pair(bits, inode)
}

/// An address and a word. Computed for every file at every call, so it is short.
pub(super) fn pair(address: u128, word: u64) -> u64 {
    /// Any odd number with bits all over: the golden ratio.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
    let (high, low) = (half(address >> 64), half(address));
    mix(mix(word) ^ low.wrapping_add(high.wrapping_mul(SPREAD)))
}

/// A file: its content, inode and time.
pub(super) fn identity(content: &[u8], words: [u64; 3]) -> u64 {
    words
        .into_iter()
        .fold(hash(content), |hash, word| mix(hash ^ mix(word)))
}

pub(super) fn mix(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}
