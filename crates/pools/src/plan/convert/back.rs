//! `v1alpha2` to `v1alpha1` (spec §4.2).

use api::pool::{AddressPoolSpec, AddressPoolSpecV1Alpha1, PoolKind};
use serde_json::to_value;

use super::{
    Problem,
    forward::{expanded, filled},
    object::{Object, v1alpha2_defaults},
    stash::{self, Hub},
};

pub(super) fn convert(object: &mut Object, kind: PoolKind) -> Result<(), Problem> {
    let new: AddressPoolSpec = object.spec(&v1alpha2_defaults())?;
    let stash = object.take_stash()?;
    let restored = stash
        .as_deref()
        .and_then(stash::read_v1alpha1)
        .filter(|old| still_means(old, &new));
    let old = restored.unwrap_or_else(|| plain(&new));
    if let Some(hub) = Hub::of_v1alpha2(kind, &new) {
        object.put_stash(hub)?;
    }
    object.set_spec(to_value(old).map_err(Problem::Spec)?);
    Ok(())
}

/// Whether the pool has not been edited through `v1alpha2` since it was written as `old`.
fn still_means(old: &AddressPoolSpecV1Alpha1, new: &AddressPoolSpec) -> bool {
    let Ok(expected) = filled(old.clone()).map(|old| expanded(&old)) else {
        return false;
    };
    let gateway = |spec: &AddressPoolSpec| spec.gateway.clone().filter(|text| !text.is_empty());
    expected.addresses == new.addresses && expected.prefix == new.prefix && gateway(&expected) == gateway(new)
}

/// Step 1: what both versions have.
fn plain(new: &AddressPoolSpec) -> AddressPoolSpecV1Alpha1 {
    AddressPoolSpecV1Alpha1 {
        addresses: Some(new.addresses.clone()),
        prefix: new.prefix,
        gateway: new.gateway.clone().unwrap_or_default(),
        ..AddressPoolSpecV1Alpha1::default()
    }
}
