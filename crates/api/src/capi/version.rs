//! Which version of Cluster API's kinds to speak.

use std::fmt;

/// Version of `ipam.cluster.x-k8s.io` for claims and addresses; later is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Oldest: claims without `clusterName`.
    V1Alpha1,
    /// Storage version up to Cluster API 1.10.
    V1Beta1,
    /// Storage version from Cluster API 1.11.
    V1Beta2,
}

impl Version {
    /// All versions, the preferred one first.
    pub const PREFERRED: [Self; 3] = [Self::V1Beta2, Self::V1Beta1, Self::V1Alpha1];

    /// As written in an `apiVersion`, e.g. `v1beta2`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1Alpha1 => "v1alpha1",
            Self::V1Beta1 => "v1beta1",
            Self::V1Beta2 => "v1beta2",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Version of `cluster.x-k8s.io` for `Cluster`, e.g. `v1beta2`: whatever the server prefers, since we read only
/// `metadata` and `spec.paused`, which no version moved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClusterVersion(pub String);
