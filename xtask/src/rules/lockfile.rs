//! Crates that must never enter the tree.

use super::Breach;

/// What is banned and why.
const BANNED: &[(&str, &str)] = &[
    (
        "aws-lc-sys",
        "it costs 32 ms of CPU at every process start; choose the ring provider",
    ),
    (
        "aws-lc-rs",
        "it costs 32 ms of CPU at every process start; choose the ring provider",
    ),
    (
        "openssl-sys",
        "it links a C library that a static binary cannot carry; choose rustls",
    ),
    ("native-tls", "it brings openssl; choose rustls"),
];

/// Returns every banned crate that `Cargo.lock` names.
pub(super) fn breaches(lock: &str) -> Vec<Breach> {
    BANNED
        .iter()
        .filter(|(name, _)| lock.lines().any(|line| line == format!("name = \"{name}\"")))
        .map(|(name, why)| {
            format!("Cargo.lock holds {name}: {why}; find who asks with `cargo tree -i {name}`")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_crates_are_found_by_their_whole_name() {
        let lock = "[[package]]\nname = \"openssl-sys\"\nversion = \"0.9\"\n";
        let found = breaches(lock);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("choose rustls"), "{found:?}");
        assert!(breaches("[[package]]\nname = \"openssl-probe\"\n").is_empty());
    }
}
