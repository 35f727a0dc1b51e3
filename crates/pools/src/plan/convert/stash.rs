//! What the annotation `cluster.x-k8s.io/conversion-data` holds: an object of the other version, without metadata.

use api::pool::{AddressPoolSpec, AddressPoolSpecV1Alpha1, PoolKind};
use serde_json::{Value, json};

use super::object::{Version, read_spec, v1alpha2_defaults};

/// A `v1alpha1` object as the stored object keeps it; `counts` is its `status.ipAddresses`.
///
/// Conditions and the allocator's journal, which the provider we replace does not know, stay out: the annotation
/// would grow with the journal.
pub(super) fn of_v1alpha1(kind: PoolKind, spec: &AddressPoolSpecV1Alpha1, counts: Option<&Value>) -> String {
    let mut object = json!({
        "apiVersion": Version::V1Alpha1.api_version(),
        "kind": kind.kind(),
        "spec": spec,
    });
    if let Some(counts) = counts {
        object["status"] = json!({ "ipAddresses": counts });
    }
    object.to_string()
}

/// The spec of the `v1alpha1` object in the annotation; `None` when the text is not such an object.
pub(super) fn read_v1alpha1(text: &str) -> Option<AddressPoolSpecV1Alpha1> {
    read(text, Version::V1Alpha1).and_then(|object| read_spec(object.get("spec"), &[]).ok())
}

/// The fields of a `v1alpha2` spec that `v1alpha1` cannot express.
pub(super) struct Hub {
    allocate_reserved: Option<bool>,
    excluded: Option<Vec<String>>,
    grace: Option<i32>,
}

impl Hub {
    /// The annotation for the `v1alpha1` view; `None` when `v1alpha1` can say it all.
    ///
    /// The status stays out: a label written through `v1alpha1` must not depend on how many addresses are free.
    pub(super) fn of_v1alpha2(kind: PoolKind, spec: &AddressPoolSpec) -> Option<String> {
        let needed = spec.allocate_reserved_ip_addresses.is_some()
            || spec.excluded_addresses.is_some()
            || spec.address_reuse_grace_period_seconds.is_some();
        needed.then(|| {
            json!({
                "apiVersion": Version::V1Alpha2.api_version(),
                "kind": kind.kind(),
                "spec": AddressPoolSpec { exclude_addresses: None, ..spec.clone() },
            })
            .to_string()
        })
    }

    /// From the annotation of a `v1alpha1` object; `None` when it holds no `v1alpha2` object.
    pub(super) fn read(text: &str) -> Option<Self> {
        let object = read(text, Version::V1Alpha2)?;
        let spec: AddressPoolSpec = read_spec(object.get("spec"), &v1alpha2_defaults()).ok()?;
        Some(Self {
            allocate_reserved: spec.allocate_reserved_ip_addresses,
            excluded: spec.excluded_addresses,
            grace: spec.address_reuse_grace_period_seconds,
        })
    }

    pub(super) fn restore(self, spec: &mut AddressPoolSpec) {
        spec.allocate_reserved_ip_addresses = self.allocate_reserved;
        spec.excluded_addresses = self.excluded;
        spec.address_reuse_grace_period_seconds = self.grace;
    }
}

/// The object in the annotation when it is of `version`. One that does not say is taken for a `v1alpha1` object: only
/// our own writer makes the other kind, and it always says.
fn read(text: &str, version: Version) -> Option<Value> {
    let object: Value = serde_json::from_str(text).ok()?;
    let fits = match object.get("apiVersion") {
        None | Some(Value::Null) => version == Version::V1Alpha1,
        Some(written) => *written == version.api_version(),
    };
    (object.is_object() && fits).then_some(object)
}
