//! The text of a node annotation: anybody who may patch a node writes it, root reads it.
#![no_main]

use cni::plan::{Source, annotation, node_ranges};

libfuzzer_sys::fuzz_target!(|text: &str| {
    // Never a panic, whatever the answer.
    let _ = node_ranges(Source::Annotation(Some(text)));
    let Ok(members) = annotation::parse(text) else { return };
    // What was accepted is plain JSON: written as such it means the same.
    let written = serde_json::to_string(&members).expect("JSON values with text keys");
    assert_eq!(annotation::parse(&written).as_ref(), Ok(&members), "{written}");
    let directory = members.get("dataDir").and_then(|value| value.as_str());
    assert!(directory.is_none_or(|path| path.starts_with('/') && !path.split('/').any(|part| part == "..")));
});
