//! Two answers, compared by meaning. Each rule here is a normalisation that the specification asks for.

use std::path::Path;

use serde_json::Value;
use testkit::cni::Answer;

use super::directory::text;

/// The code of input that cannot be decoded: its words are free (spec §2.2, §2.3), up to a start that is not.
const UNDECODABLE: u64 = 6;
const UNDECODABLE_START: &str = "error unmarshall network config: ";

/// Parts of messages by which the reference shows how it reads a file or JSON: the words of a Go library, not of the
/// plugin. Only the code counts then.
const GO_WORDS: &[&str] = &[
    "json: ",
    "open ",
    "failed to load netconf",
    "failed to parse",
    "IP <nil>",
];

/// How the reference names a text that is no address. It finds those while it decodes, so before anything else that may
/// be wrong and in the order of the keys; we need not (elements of lists have no text in the specification). Which of
/// several faults is named is free then; the texts themselves have numbered cases (32, 43, 86).
const NOT_AN_ADDRESS: &[&str] = &["invalid IP address", "invalid CIDR address"];

/// What differs, if anything does. The data directories differ by name only, so they are taken out of the texts.
pub(super) fn difference(
    theirs: &Answer,
    ours: &Answer,
    their_data: &Path,
    our_data: &Path,
) -> Option<String> {
    if theirs.exit() != ours.exit() {
        return Some(format!("exit {:?} instead of {:?}", ours.exit(), theirs.exit()));
    }
    let (mut theirs, mut ours) = match (theirs.document(), ours.document()) {
        (Ok(theirs), Ok(ours)) => (theirs, ours),
        (theirs, ours) => return Some(format!("theirs {theirs:?}, ours {ours:?}")),
    };
    for (document, data) in [(&mut theirs, their_data), (&mut ours, our_data)] {
        if let Some(document) = document {
            normalise(document, &text(data));
        }
    }
    if both_in_free_words(theirs.as_ref(), ours.as_ref()) {
        return None;
    }
    let show = |document: &Option<Value>| document.as_ref().map_or_else(String::new, Value::to_string);
    (theirs != ours).then(|| format!("theirs {}\nours   {}", show(&theirs), show(&ours)))
}

fn normalise(document: &mut Value, data: &str) {
    if document["code"].is_u64() {
        normalise_error(document, data);
    } else if document["supportedVersions"].is_array() {
        without_version_1_1(document);
    } else {
        normalise_result(document);
    }
}

/// Errors: ours carry `cniVersion` (deviation: `cniVersion` in errors); free words are dropped; the order of left-over
/// requested addresses is random in the reference.
fn normalise_error(document: &mut Value, data: &str) {
    let Some(object) = document.as_object_mut() else {
        return;
    };
    object.remove("cniVersion");
    let mut msg = object["msg"].as_str().unwrap_or_default().replace(data, "DATA");
    if object["code"] == UNDECODABLE {
        msg.truncate(if msg.starts_with(UNDECODABLE_START) {
            UNDECODABLE_START.len()
        } else {
            0
        });
    }
    if msg == "incompatible CNI versions" {
        // The list of supported versions: ours is one longer.
        object.remove("details");
    }
    if let Some(addresses) = msg.strip_prefix("failed to allocate all requested IPs: ") {
        let mut sorted: Vec<&str> = addresses.split(' ').collect();
        sorted.sort_unstable();
        msg = format!("failed to allocate all requested IPs: {}", sorted.join(" "));
    }
    object.insert("msg".to_owned(), msg.into());
}

/// Debian's 1.1.1 does not know 1.1.0; ours answers its own highest version.
fn without_version_1_1(document: &mut Value) {
    if let Some(versions) = document["supportedVersions"].as_array_mut() {
        versions.retain(|version| version != "1.1.0");
    }
    if let Some(object) = document.as_object_mut() {
        object.remove("cniVersion");
    }
}

/// Results: an absent `dns` equals `{}`; Debian's 1.1.1 drops route fields beyond `dst` and `gw`.
fn normalise_result(document: &mut Value) {
    if let Some(routes) = document["routes"].as_array_mut() {
        for route in routes.iter_mut().filter_map(Value::as_object_mut) {
            route.retain(|key, _| key == "dst" || key == "gw");
        }
    }
    if let Some(object) = document.as_object_mut() {
        object
            .retain(|key, value| !(key == "dns" && value.as_object().is_some_and(serde_json::Map::is_empty)));
        object.retain(|_, value| !value.is_null());
    }
}

/// Whether both are errors of one code, and the words of the reference are not its own.
fn both_in_free_words(theirs: Option<&Value>, ours: Option<&Value>) -> bool {
    let (Some(theirs), Some(ours)) = (theirs, ours) else {
        return false;
    };
    let words = theirs["msg"].as_str().unwrap_or_default();
    let free = GO_WORDS
        .iter()
        .chain(NOT_AN_ADDRESS)
        .any(|part| words.contains(part));
    theirs["code"].is_u64() && theirs["code"] == ours["code"] && free
}
