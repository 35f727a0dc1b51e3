//! Secrets of nmstate's schema, hidden (spec §7.5).

use serde_json::Value;

use crate::plan::document::{at_mut, list_mut};

/// The text nmstate itself shows instead of a secret.
pub const MASK: &str = "<_password_hid_by_nmstate>";

/// Where secrets stand below an interface: those nmstate hides, and, because they are as secret, those it shows when
/// they are given inline: keys in a `data:` or PEM form are masked whole.
const PATHS: [&[&str]; 5] = [
    &["802.1x", "private-key-password"],
    &["802.1x", "password"],
    &["macsec", "mka-cak"],
    &["libreswan", "psk"],
    &["wireguard", "private-key"],
];

/// Peers of WireGuard have a secret each.
const WIREGUARD_PEERS: [&str; 2] = ["peers", "peer"];

/// Keys nmstate takes as a file name; one that is the key itself is a secret.
const FILES: [&[&str]; 3] = [
    &["802.1x", "private-key"],
    &["libreswan", "leftrsasigkey"],
    &["libreswan", "rightrsasigkey"],
];

/// Replaces every secret of a document by [`MASK`]. Works on desired, reported and captured states.
pub fn mask(document: &mut Value) {
    for entry in list_mut(document, &["interfaces"]).into_iter().flatten() {
        for path in PATHS {
            if let Some(secret) = at_mut(entry, path).filter(|value| !value.is_null()) {
                *secret = MASK.into();
            }
        }
        for path in FILES {
            if let Some(secret) = at_mut(entry, path).filter(|value| is_inline_key(value)) {
                *secret = MASK.into();
            }
        }
        for key in WIREGUARD_PEERS {
            for peer in list_mut(entry, &["wireguard", key]).into_iter().flatten() {
                if let Some(secret) = peer.get_mut("preshared-key").filter(|value| !value.is_null()) {
                    *secret = MASK.into();
                }
            }
        }
    }
}

/// A copy of `document` without its secrets.
#[must_use]
pub fn masked(document: &Value) -> Value {
    let mut copy = document.clone();
    mask(&mut copy);
    copy
}

/// `text` without the secrets of `document`, for errors of the library, which may quote what it was given.
#[must_use]
pub fn scrub(text: &str, document: &Value) -> String {
    let mut clean = text.to_owned();
    for secret in secrets(document) {
        // Shorter texts are found by chance, and hiding them would say where they are.
        if secret.chars().count() >= 4 {
            clean = clean.replace(&secret, MASK);
        }
    }
    clean
}

/// Every secret of a document, longest first.
fn secrets(document: &Value) -> Vec<String> {
    let hidden = masked(document);
    let mut found = Vec::new();
    differing(document, &hidden, &mut found);
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found
}

fn differing(open: &Value, hidden: &Value, found: &mut Vec<String>) {
    match (open, hidden) {
        (Value::Object(open), Value::Object(hidden)) => {
            for (key, value) in open {
                differing(value, hidden.get(key).unwrap_or(value), found);
            }
        }
        (Value::Array(open), Value::Array(hidden)) => {
            for (open, hidden) in open.iter().zip(hidden) {
                differing(open, hidden, found);
            }
        }
        (open, hidden) if open != hidden => {
            found.push(open.as_str().map_or_else(|| open.to_string(), str::to_owned));
        }
        _ => {}
    }
}

fn is_inline_key(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.starts_with("data:") || text.contains("PRIVATE KEY"))
}
