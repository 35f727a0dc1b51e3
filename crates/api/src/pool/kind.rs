//! Which of the four kinds a pool is.

use std::{fmt, str::FromStr};

use kube::core::{ApiResource, GroupVersionKind};

use crate::names::GROUP;

/// The version every pool kind is stored in and spoken in by us.
pub const VERSION: &str = "v1alpha2";

/// One of the four pool kinds. Displays as the Kubernetes kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PoolKind {
    /// Single addresses, in one namespace.
    InClusterIPPool,
    /// Single addresses, for every namespace.
    GlobalInClusterIPPool,
    /// IPv6 prefixes, in one namespace.
    InClusterPrefixPool,
    /// IPv6 prefixes, for every namespace.
    GlobalInClusterPrefixPool,
}

impl PoolKind {
    /// Every kind, address pools first.
    pub const ALL: [Self; 4] = [
        Self::InClusterIPPool,
        Self::GlobalInClusterIPPool,
        Self::InClusterPrefixPool,
        Self::GlobalInClusterPrefixPool,
    ];

    /// The Kubernetes kind, e.g. `InClusterIPPool`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::InClusterIPPool => "InClusterIPPool",
            Self::GlobalInClusterIPPool => "GlobalInClusterIPPool",
            Self::InClusterPrefixPool => "InClusterPrefixPool",
            Self::GlobalInClusterPrefixPool => "GlobalInClusterPrefixPool",
        }
    }

    /// The resource name in lower case, e.g. `inclusterippool`.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        match self {
            Self::InClusterIPPool => "inclusterippool",
            Self::GlobalInClusterIPPool => "globalinclusterippool",
            Self::InClusterPrefixPool => "inclusterprefixpool",
            Self::GlobalInClusterPrefixPool => "globalinclusterprefixpool",
        }
    }

    /// The plural resource name, e.g. `inclusterippools`.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::InClusterIPPool => "inclusterippools",
            Self::GlobalInClusterIPPool => "globalinclusterippools",
            Self::InClusterPrefixPool => "inclusterprefixpools",
            Self::GlobalInClusterPrefixPool => "globalinclusterprefixpools",
        }
    }

    /// Whether objects of this kind live in a namespace.
    #[must_use]
    pub const fn is_namespaced(self) -> bool {
        matches!(self, Self::InClusterIPPool | Self::InClusterPrefixPool)
    }

    /// Whether this kind hands out prefixes rather than single addresses.
    #[must_use]
    pub const fn is_prefix(self) -> bool {
        matches!(self, Self::InClusterPrefixPool | Self::GlobalInClusterPrefixPool)
    }

    /// Name of the CRD, `<plural>.<group>`.
    #[must_use]
    pub fn crd_name(self) -> String {
        format!("{}.{GROUP}", self.plural())
    }

    /// What the dynamic client needs to address this kind.
    #[must_use]
    pub fn api_resource(self) -> ApiResource {
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, self.kind()), self.plural())
    }
}

impl fmt::Display for PoolKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.kind())
    }
}

/// The text is not one of the four kinds (compared case-sensitively, spec §11.1).
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a pool kind of {GROUP}; the kinds are InClusterIPPool, GlobalInClusterIPPool, InClusterPrefixPool and GlobalInClusterPrefixPool"
)]
pub struct UnknownKind(String);

impl FromStr for PoolKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|k| k.kind() == text)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}
