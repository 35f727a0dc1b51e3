//! Names of objects as keys: small, cheap to clone, ordered as the queue of waiting claims wants them.

use std::{fmt, sync::Arc};

use api::{capi::PoolRef, names::GROUP, pool::PoolKind};

/// Namespace and name of a claim or an address (an address bears its claim's name).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(Arc<(Box<str>, Box<str>)>);

impl ObjectName {
    /// From namespace and name.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self(Arc::new((namespace.into(), name.into())))
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.0.0
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.1
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace(), self.name())
    }
}

/// Kind, namespace (empty for the global kinds) and name of a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolName(Arc<(PoolKind, Box<str>, Box<str>)>);

impl PoolName {
    /// From its parts; the namespace is dropped for global kinds.
    #[must_use]
    pub fn new(kind: PoolKind, namespace: &str, name: &str) -> Self {
        let namespace = if kind.is_namespaced() { namespace } else { "" };
        Self(Arc::new((kind, namespace.into(), name.into())))
    }

    /// The pool a claim in `namespace` refers to, when it is one of ours (spec §11.1): the group must be written out.
    #[must_use]
    pub fn of_claim(namespace: &str, pool: &PoolRef) -> Option<Self> {
        (pool.api_group.as_deref() == Some(GROUP))
            .then(|| Self::resolve(namespace, pool))
            .flatten()
    }

    /// The pool an address in `namespace` counts for, when it is one of ours (spec §1): an empty group counts as ours.
    #[must_use]
    pub fn of_address(namespace: &str, pool: &PoolRef) -> Option<Self> {
        let group = pool.api_group.as_deref().unwrap_or_default();
        (group.is_empty() || group == GROUP)
            .then(|| Self::resolve(namespace, pool))
            .flatten()
    }

    fn resolve(namespace: &str, pool: &PoolRef) -> Option<Self> {
        pool.kind
            .parse()
            .ok()
            .map(|kind| Self::new(kind, namespace, &pool.name))
    }

    /// Which of the four kinds.
    #[must_use]
    pub fn kind(&self) -> PoolKind {
        self.0.0
    }

    /// The namespace, or `None` for the global kinds.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.kind().is_namespaced().then_some(&*self.0.1)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.2
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace() {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind(), self.name()),
            None => write!(f, "{} {}", self.kind(), self.name()),
        }
    }
}
