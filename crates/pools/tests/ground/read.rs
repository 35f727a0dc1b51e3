//! What a test reads of an object.

use std::collections::BTreeMap;

use kube::api::DynamicObject;
use serde_json::Value;

/// Text at a JSON pointer.
pub(crate) fn text(object: &DynamicObject, pointer: &str) -> String {
    object
        .data
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The Ready condition.
pub(crate) fn ready(object: &DynamicObject) -> Option<&Value> {
    object
        .data
        .pointer("/status/conditions")?
        .as_array()?
        .iter()
        .find(|c| c["type"] == "Ready")
}

pub(crate) fn finalizers(object: &DynamicObject) -> Vec<String> {
    object.metadata.finalizers.clone().unwrap_or_default()
}

pub(crate) fn labels(object: &DynamicObject) -> BTreeMap<String, String> {
    object.metadata.labels.clone().unwrap_or_default()
}
