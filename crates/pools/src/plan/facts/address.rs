//! What is remembered of an `IPAddress`.

use api::{
    capi::{Address, AddressSpec, NameRef, PoolRef},
    meta::{has_finalizer, label},
    names,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize as _;
use serde_json::Value;

use super::{Version, is_reference, others};
use crate::plan::{
    ledger::Held,
    name::{ObjectName, PoolName},
};

/// An `IPAddress`, whoever made it.
#[derive(Clone, Debug)]
pub struct AddressFacts {
    /// Namespace and name.
    pub name: ObjectName,
    /// Identity and state.
    pub version: Version,
    /// The pool it counts for; `None` when that is not one of ours.
    pub pool: Option<PoolName>,
    /// `spec.claimRef.name`.
    pub claim: Box<str>,
    /// What it holds.
    pub held: Held,
    /// Terminating.
    pub deleting: bool,
    /// Carries our finalizer.
    pub has_finalizer: bool,
    /// Carries finalizers of others.
    pub has_other_finalizers: bool,
    /// UID in the owner reference to a claim of this name.
    pub claim_owner: Option<Box<str>>,
    /// UID in the owner reference to the pool.
    pub pool_owner: Option<Box<str>>,
    /// Something other than the claim is its controller, so the claim must not become an owner (spec §12).
    pub has_other_controller: bool,
    /// Value of the cluster label.
    pub cluster_label: Option<Box<str>>,
}

impl AddressFacts {
    /// Reads an address.
    #[must_use]
    pub fn read(address: &Address) -> Self {
        let meta = &address.metadata;
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        let name = meta.name.as_deref().unwrap_or_default();
        let pool = PoolName::of_address(namespace, &address.spec.pool_ref);
        let owners = meta.owner_references.as_deref().unwrap_or_default();
        let claim_owner = owners.iter().find(|o| is_reference(o, "IPAddressClaim", name));
        let pool_owner = pool
            .as_ref()
            .and_then(|p| owners.iter().find(|o| is_reference(o, p.kind().kind(), p.name())));
        Self {
            name: ObjectName::new(namespace, name),
            version: Version::read(meta),
            claim: address.spec.claim_ref.name.as_str().into(),
            held: Held::parse(&address.spec.address, address.spec.prefix),
            deleting: meta.deletion_timestamp.is_some(),
            has_finalizer: has_finalizer(meta, names::PROTECT_ADDRESS),
            has_other_finalizers: !others(meta, names::PROTECT_ADDRESS).is_empty(),
            claim_owner: claim_owner.map(|o| o.uid.as_str().into()),
            pool_owner: pool_owner.map(|o| o.uid.as_str().into()),
            has_other_controller: owners
                .iter()
                .any(|o| o.controller == Some(true) && !is_reference(o, "IPAddressClaim", name)),
            cluster_label: label(meta, names::CLUSTER_NAME).map(Into::into),
            pool,
        }
    }
}

impl AddressFacts {
    /// What can still be told of an address that cannot be read as a whole. Whatever it holds stays out of reach, so
    /// a prefix length that is no number counts as that of a single address.
    #[must_use]
    pub fn salvage(object: &Value) -> Self {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let metadata = object
            .get("metadata")
            .and_then(|meta| ObjectMeta::deserialize(meta).ok());
        let prefix = object.pointer("/spec/prefix").filter(|length| !length.is_null());
        Self::read(&Address {
            metadata: metadata.unwrap_or_else(|| ObjectMeta {
                name: text("/metadata/name"),
                namespace: text("/metadata/namespace"),
                uid: text("/metadata/uid"),
                resource_version: text("/metadata/resourceVersion"),
                ..ObjectMeta::default()
            }),
            spec: AddressSpec {
                claim_ref: NameRef {
                    name: text("/spec/claimRef/name").unwrap_or_default(),
                },
                pool_ref: PoolRef {
                    api_group: text("/spec/poolRef/apiGroup"),
                    kind: text("/spec/poolRef/kind").unwrap_or_default(),
                    name: text("/spec/poolRef/name").unwrap_or_default(),
                },
                address: text("/spec/address").unwrap_or_default(),
                prefix: prefix.map(|length| length.as_i64().unwrap_or(128)),
                gateway: None,
            },
        })
    }
}
