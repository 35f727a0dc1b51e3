use super::CniVersion;
use super::environment::is_identifier;
use crate::error::{Error, code};
use crate::json::{Json, Object};

/// The network configuration on stdin, name and version checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// `name`, valid: it is also the name of a directory and cannot leave it.
    pub name: String,
    /// `cniVersion`, which is 0.1.0 when none is written.
    pub version: CniVersion,
    /// `cniVersion` as written; may be empty.
    pub written_version: String,
    /// Everything, as it came.
    pub document: Object,
}

impl Network {
    /// The `ipam` section; `None` when there is none or it is no object.
    #[must_use]
    pub fn ipam(&self) -> Option<&Object> {
        self.document.get("ipam").and_then(Json::as_object)
    }

    /// The same network with another `ipam` section.
    #[must_use]
    pub fn with_ipam(&self, ipam: Object) -> Self {
        let mut changed = self.clone();
        changed.document.set("ipam", Json::Object(ipam));
        changed
    }

    /// The document as JSON text, to be handed to another plugin.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.document.to_bytes()
    }
}

/// Decodes stdin: one JSON value and nothing else (spec §2.2). `null` is an object without members.
///
/// # Errors
/// Code 6.
pub fn decode(stdin: &[u8]) -> Result<Object, Error> {
    let refused = |why: String| Error::new(code::DECODE, format!("error unmarshall network config: {why}"));
    match serde_json::from_slice(stdin) {
        Ok(Json::Object(document)) => Ok(document),
        Ok(Json::Null) => Ok(Object::default()),
        Ok(other) => Err(refused(format!(
            "it must be a JSON object, not a {}",
            other.kind()
        ))),
        Err(e) => Err(refused(e.to_string())),
    }
}

/// The name of the network (spec §2.2).
///
/// # Errors
/// Code 7 when it is missing or has other characters than letters, digits, `_`, `.`, `-`; 6 when it is no string.
pub fn name(document: &Object) -> Result<&str, Error> {
    match document.get("name") {
        None => Err(Error::new(code::CONFIG, "missing network name")),
        Some(Json::String(name)) if name.is_empty() => Err(Error::new(code::CONFIG, "missing network name")),
        Some(Json::String(name)) if is_identifier(name) => Ok(name),
        Some(Json::String(name)) => {
            Err(Error::new(code::CONFIG, "invalid characters found in network name").with_details(name))
        }
        Some(other) => {
            let msg = format!(
                "error unmarshall network config: name must be a string, not a {}",
                other.kind()
            );
            Err(Error::new(code::DECODE, msg))
        }
    }
}

/// `cniVersion` as written, empty when there is none (spec §2.3).
pub(super) fn written_version(document: &Object) -> Result<&str, Error> {
    match document.get("cniVersion") {
        None => Ok(""),
        Some(Json::String(version)) => Ok(version),
        Some(other) => {
            let msg = format!(
                "decoding version from network config: cniVersion must be a string, not a {}",
                other.kind()
            );
            Err(Error::new(code::DECODE, msg))
        }
    }
}
