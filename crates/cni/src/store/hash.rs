//! The hashes of the index. Written out here because they are kept on disk: they must never change.

/// FNV-1a over the bytes, then the finisher of MurmurHash3, so that sums of hashes do not cancel out. Never 0.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv).max(1)
}

/// A directory entry: which file stands under which name.
pub(super) fn entry(name: &[u8], inode: u64) -> u64 {
    mix(hash(name) ^ mix(inode))
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
