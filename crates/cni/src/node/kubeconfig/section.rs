//! One mapping of a kubeconfig, whose errors name the key and where it stands.

use std::path::Path;

use super::super::{access::Material, base64, secret::Secret};
use crate::json::{Json, Object};

/// A mapping of the kubeconfig, and how messages call it.
pub(super) struct Section<'a> {
    pub(super) object: &'a Object,
    pub(super) name: String,
}

impl<'a> Section<'a> {
    fn path(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    pub(super) fn missing(&self, key: &str) -> String {
        format!("{} is missing", self.path(key))
    }

    pub(super) fn bad(&self, key: &str, problem: &str) -> String {
        format!("{}: {problem}", self.path(key))
    }

    /// A text; `None` when absent or empty, as the Kubernetes clients take it.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        match self.object.get(key) {
            None => Ok(None),
            Some(Json::String(text)) if text.is_empty() => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.bad(
                key,
                &format!("a {} where a text is expected; quote it", other.kind()),
            )),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, String> {
        match self.object.get(key) {
            None => Ok(false),
            Some(Json::Bool(value)) => Ok(*value),
            Some(other) => Err(self.bad(
                key,
                &format!("a {} where true or false is expected", other.kind()),
            )),
        }
    }

    pub(super) fn list(&self, key: &str) -> Result<&'a [Json], String> {
        match self.object.get(key) {
            None => Ok(&[]),
            Some(Json::List(items)) => Ok(items),
            Some(other) => Err(self.bad(key, &format!("a {} where a list is expected", other.kind()))),
        }
    }

    pub(super) fn child(&self, key: &str) -> Result<Option<Self>, String> {
        match self.object.get(key) {
            None => Ok(None),
            Some(Json::Object(object)) => Ok(Some(Section {
                object,
                name: self.path(key),
            })),
            Some(other) => Err(self.bad(key, &format!("a {} where a mapping is expected", other.kind()))),
        }
    }

    /// The `kind` part of the entry called `name` in the list `list`; the first one wins, as in client-go.
    pub(super) fn entry(&self, list: &str, kind: &str, name: &str) -> Result<Self, String> {
        let found = self
            .list(list)?
            .iter()
            .filter_map(Json::as_object)
            .find(|entry| entry.get("name").and_then(Json::as_str) == Some(name));
        let entry = found.ok_or_else(|| format!("{list} has no entry named {name}"))?;
        let object = entry.get(kind).and_then(Json::as_object);
        let object = object.ok_or_else(|| format!("{list}[{name}].{kind} is missing"))?;
        Ok(Section {
            object,
            name: format!("{list}[{name}].{kind}"),
        })
    }

    /// `<key>-data` in base64, or else the file `<key>`.
    pub(super) fn material(&self, key: &str, folder: &Path) -> Result<Option<Material>, String> {
        let data_key = format!("{key}-data");
        if let Some(data) = self.text(&data_key)? {
            let bytes = base64::decode(data).ok_or_else(|| self.bad(&data_key, "not base64"))?;
            let text = String::from_utf8(bytes).map_err(|_| self.bad(&data_key, "not PEM"))?;
            return Ok(Some(Material::Inline(Secret::new(text))));
        }
        Ok(self.text(key)?.map(|file| Material::File(folder.join(file))))
    }
}
