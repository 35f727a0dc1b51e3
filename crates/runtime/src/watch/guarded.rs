//! Objects that are not as their type says.
//!
//! One object that cannot be decoded must not blind a process to all others of its kind. It is handed over as it is,
//! for the sink to make of it what is safe.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Empty for cluster-scoped kinds.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{}", self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

impl Key {
    fn of(meta: &ObjectMeta) -> Self {
        Self {
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
        }
    }
}

/// An object the server holds and its type cannot take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Which one.
    pub key: Key,
    /// All of it.
    pub object: Value,
    /// What is wrong with it.
    pub error: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.error)
    }
}

/// `K`, or what the server sent in its place. An `Api` of it is what [`super::run`] watches.
///
/// kube's `DeserializeGuard` does the same but copies every object into a tree first and keeps only the metadata of
/// an unreadable one.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Either<K>", bound = "K: DeserializeOwned")]
pub struct Guarded<K>(pub(super) Result<K, Box<Unread>>);

#[derive(Clone, Debug)]
pub(super) struct Unread {
    /// As much as the watcher needs: name, namespace, resource version.
    meta: ObjectMeta,
    pub(super) unreadable: Unreadable,
}

#[derive(Deserialize)]
#[serde(untagged, bound = "K: DeserializeOwned")]
enum Either<K> {
    Read(K),
    Unread(Value),
}

impl<K: DeserializeOwned> From<Either<K>> for Guarded<K> {
    fn from(either: Either<K>) -> Self {
        let object = match either {
            Either::Read(object) => return Self(Ok(object)),
            Either::Unread(object) => object,
        };
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let meta = ObjectMeta {
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            resource_version: text("/metadata/resourceVersion"),
            ..ObjectMeta::default()
        };
        let error = K::deserialize(&object).err().map(|e| e.to_string());
        Self(Err(Box::new(Unread {
            unreadable: Unreadable {
                key: Key::of(&meta),
                error: error.unwrap_or_else(|| "it is readable only at a second try".to_owned()),
                object,
            },
            meta,
        })))
    }
}

impl<K> Guarded<K> {
    /// The object, or what is in its place.
    ///
    /// # Errors
    /// What the server sent, when it is no `K`.
    pub fn into_result(self) -> Result<K, Box<Unreadable>> {
        self.0.map_err(|unread| Box::new(unread.unreadable))
    }
}

impl<K: Resource> Guarded<K> {
    pub(super) fn key(&self) -> Key {
        Key::of(self.meta())
    }
}

impl<K: Resource> Resource for Guarded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dt)
    }

    fn group(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dt)
    }

    fn version(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dt)
    }

    fn plural(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        match &self.0 {
            Ok(object) => object.meta(),
            Err(unread) => &unread.meta,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(object) => object.meta_mut(),
            Err(unread) => &mut unread.meta,
        }
    }
}
