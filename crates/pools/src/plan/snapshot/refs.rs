//! Names of objects as people and JSON see them.

use std::fmt;

use serde::Serialize;

use crate::plan::name::{ObjectName, PoolName};

/// A pool. JSON fields: `kind`, `namespace` (null for the global kinds), `name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct PoolKey {
    /// Kubernetes kind.
    pub kind: &'static str,
    /// Namespace, or nothing for the global kinds.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl From<&PoolName> for PoolKey {
    fn from(pool: &PoolName) -> Self {
        Self {
            kind: pool.kind().kind(),
            namespace: pool.namespace().map(str::to_owned),
            name: pool.name().to_owned(),
        }
    }
}

impl fmt::Display for PoolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// An object something is said about. JSON fields: `kind`, `namespace` (null for cluster-scoped ones), `name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectRef {
    /// Kubernetes kind.
    pub kind: &'static str,
    /// Namespace, or nothing for cluster-scoped objects.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectRef {
    /// An `IPAddress`.
    #[must_use]
    pub fn address(name: &ObjectName) -> Self {
        Self::namespaced("IPAddress", name)
    }

    /// An `IPAddressClaim`.
    #[must_use]
    pub fn claim(name: &ObjectName) -> Self {
        Self::namespaced("IPAddressClaim", name)
    }

    fn namespaced(kind: &'static str, name: &ObjectName) -> Self {
        Self {
            kind,
            namespace: Some(name.namespace().to_owned()),
            name: name.name().to_owned(),
        }
    }
}

impl From<&PoolName> for ObjectRef {
    fn from(pool: &PoolName) -> Self {
        let PoolKey {
            kind,
            namespace,
            name,
        } = pool.into();
        Self {
            kind,
            namespace,
            name,
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
