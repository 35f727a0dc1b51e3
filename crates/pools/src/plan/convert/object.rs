//! A Kubernetes object as JSON, and the few places of it that conversion touches.

use api::{names::CONVERSION_DATA, names::GROUP, pool::PoolKind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Problem;

/// The two versions of an address pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1Alpha1,
    V1Alpha2,
}

impl Version {
    /// The version that `api_version` (group and version) means for this kind.
    pub(super) fn of(kind: PoolKind, api_version: &str) -> Result<Self, Problem> {
        let version = api_version
            .strip_prefix(GROUP)
            .and_then(|rest| rest.strip_prefix('/'));
        match version {
            Some("v1alpha2") => Ok(Self::V1Alpha2),
            Some("v1alpha1") if !kind.is_prefix() => Ok(Self::V1Alpha1),
            _ => Err(Problem::Version {
                kind,
                version: api_version.to_owned(),
            }),
        }
    }

    pub(super) fn api_version(self) -> String {
        match self {
            Self::V1Alpha1 => format!("{GROUP}/v1alpha1"),
            Self::V1Alpha2 => format!("{GROUP}/v1alpha2"),
        }
    }
}

/// A JSON object with `apiVersion`, `kind`, `metadata`, `spec` and `status`.
pub(super) struct Object(Map<String, Value>);

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

impl Object {
    pub(super) fn new(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(Problem::Shape {
                field: "the object",
                expected: "a JSON object",
            }),
        }
    }

    /// An element of a list; inside a list, version and kind may be left out.
    pub(super) fn element(value: Value, api_version: &str, kind: PoolKind) -> Result<Self, Problem> {
        let mut object = Self::new(value)?;
        if object.text("apiVersion").is_empty() {
            object.set_text("apiVersion", api_version.to_owned());
        }
        match object.text("kind") {
            "" => object.set_text("kind", kind.kind().to_owned()),
            text if text == kind.kind() => {}
            _ => {
                return Err(Problem::Shape {
                    field: "kind of a list element",
                    expected: "the list's own kind",
                });
            }
        }
        Ok(object)
    }

    /// A top-level text; empty when absent or not a text.
    pub(super) fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn set_text(&mut self, key: &str, text: String) {
        self.0.insert(key.to_owned(), text.into());
    }

    /// Kind, namespace and name as a person would say them.
    pub(super) fn display_name(&self) -> String {
        let meta = |key| {
            self.0
                .get("metadata")
                .and_then(|m| m.get(key))
                .and_then(Value::as_str)
        };
        let kind = match self.text("kind") {
            "" => "object",
            kind => kind,
        };
        match (meta("namespace"), meta("name").or(meta("generateName"))) {
            (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
            (_, Some(name)) => format!("{kind} {name}"),
            (_, None) => kind.to_owned(),
        }
    }

    /// The elements of a list; a list without any is fine.
    pub(super) fn items(&mut self) -> Result<&mut [Value], Problem> {
        match self.0.get_mut("items") {
            None | Some(Value::Null) => Ok(&mut []),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(Problem::Shape {
                field: "items",
                expected: "a list",
            }),
        }
    }

    /// The spec; an absent one is empty, and so is a field with the value null.
    pub(super) fn spec<S: DeserializeOwned>(&self, defaults: &[(&str, Value)]) -> Result<S, Problem> {
        read_spec(self.0.get("spec"), defaults).map_err(Problem::Spec)
    }

    pub(super) fn set_spec(&mut self, spec: Value) {
        self.0.insert("spec".to_owned(), spec);
    }

    /// The part of the status that both versions of the original have.
    pub(super) fn counts(&self) -> Option<&Value> {
        self.0.get("status").and_then(|status| status.get("ipAddresses"))
    }

    /// Takes the conversion annotation out. The annotations themselves go when that leaves none.
    pub(super) fn take_stash(&mut self) -> Result<Option<String>, Problem> {
        let Some(metadata) = self.0.get_mut("metadata") else {
            return Ok(None);
        };
        let metadata = map_of(metadata, "metadata")?;
        let Some(annotations) = metadata.get_mut("annotations").filter(|a| !a.is_null()) else {
            return Ok(None);
        };
        let annotations = map_of(annotations, "metadata.annotations")?;
        let Some(stash) = annotations.remove(CONVERSION_DATA) else {
            return Ok(None);
        };
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
        Ok(stash.as_str().map(str::to_owned))
    }

    /// Writes the conversion annotation.
    pub(super) fn put_stash(&mut self, stash: String) -> Result<(), Problem> {
        let metadata = map_of(self.0.entry("metadata").or_insert(Value::Null), "metadata")?;
        let annotations = metadata.entry("annotations").or_insert(Value::Null);
        map_of(annotations, "metadata.annotations")?.insert(CONVERSION_DATA.to_owned(), stash.into());
        Ok(())
    }
}

/// The map in `value`; null counts as an empty one.
fn map_of<'a>(value: &'a mut Value, field: &'static str) -> Result<&'a mut Map<String, Value>, Problem> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().ok_or(Problem::Shape {
        field,
        expected: "an object",
    })
}

/// Required fields of `v1alpha2`, which fragments of objects may lack.
pub(super) fn v1alpha2_defaults() -> [(&'static str, Value); 2] {
    [("addresses", Value::Array(Vec::new())), ("prefix", 0.into())]
}

/// A spec from JSON. Null means absent; absent fields in `defaults` get the value given there.
pub(crate) fn read_spec<S: DeserializeOwned>(
    spec: Option<&Value>,
    defaults: &[(&str, Value)],
) -> Result<S, serde_json::Error> {
    let mut spec = match spec {
        None | Some(Value::Null) => Map::new(),
        Some(value) => serde_json::from_value(value.clone())?,
    };
    spec.retain(|_, value| !value.is_null());
    for (field, value) in defaults {
        spec.entry(*field).or_insert_with(|| value.clone());
    }
    serde_json::from_value(Value::Object(spec))
}
