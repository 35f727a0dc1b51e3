//! What a control plane may have besides etcd and an API server.

use crate::assets::CapiVersion;

/// What to start, and how. The default is the bare minimum.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Also run kube-controller-manager: garbage collection, service accounts, namespace deletion.
    pub controller_manager: bool,
    /// Keep an audit log at level Metadata, see [`ControlPlane::audit_log`](super::ControlPlane::audit_log).
    pub audit_log: bool,
    /// Load the definitions of Cluster, IPAddress and IPAddressClaim of this Cluster API release.
    pub capi: Option<CapiVersion>,
    /// Switch on the admission plug-in `OwnerReferencesPermissionEnforcement`, off by default in Kubernetes and on in
    /// hardened clusters: who sets `blockOwnerDeletion` needs the right to update the owner's finalizers.
    pub owner_references_permission_enforcement: bool,
    /// Further arguments of kube-apiserver, such as `--event-ttl=5m`.
    pub apiserver_args: Vec<String>,
}
