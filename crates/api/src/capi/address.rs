//! `IPAddress`: an address that belongs to somebody.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, core::DynamicResourceScope};
use serde::Deserialize;

use super::{NameRef, PoolRef, Version};
use crate::names::GROUP;

/// An `IPAddress` as far as we read it.
#[derive(Clone, Debug, Deserialize)]
pub struct Address {
    /// Standard metadata, without managed fields.
    #[serde(deserialize_with = "crate::meta::slim")]
    pub metadata: ObjectMeta,
    /// What is given to whom. `v1beta1` does not insist on it: an object without counts for no pool.
    #[serde(default)]
    pub spec: AddressSpec,
}

/// Spec of an `IPAddress`; immutable by Cluster API's admission.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressSpec {
    /// The claim it answers; objects made by hand may name one that does not exist.
    #[serde(default)]
    pub claim_ref: NameRef,
    /// The pool it counts for.
    #[serde(default)]
    pub pool_ref: PoolRef,
    /// The address as text. Cluster API's admission checks it; without admission it may be anything.
    #[serde(default)]
    pub address: String,
    /// Prefix length; absent only in objects written past the schema.
    #[serde(default)]
    pub prefix: Option<i64>,
    /// Gateway as text; empty counts as absent.
    #[serde(default)]
    pub gateway: Option<String>,
}

impl Resource for Address {
    type DynamicType = Version;
    type Scope = DynamicResourceScope;

    fn kind(_: &Version) -> Cow<'_, str> {
        "IPAddress".into()
    }

    fn group(_: &Version) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version(version: &Version) -> Cow<'_, str> {
        version.as_str().into()
    }

    fn plural(_: &Version) -> Cow<'_, str> {
        "ipaddresses".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
