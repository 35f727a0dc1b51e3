//! Conversion between `v1alpha1` and `v1alpha2` of the address pools (spec §4), on JSON as it arrives.
//!
//! What one version cannot express waits in the annotation `cluster.x-k8s.io/conversion-data`:
//!
//! | object | annotation holds | why |
//! |---|---|---|
//! | stored, and every `v1alpha2` view of it | the `v1alpha1` object it was last written as | `subnet`, `start`, `end` reappear for a `v1alpha1` reader |
//! | `v1alpha1` view | the `v1alpha2` object, if it has a field `v1alpha1` lacks | a write through `v1alpha1` brings the field back |
//!
//! The API server also converts fragments of objects (server-side apply), so nothing here insists on required fields.

mod back;
mod error;
mod forward;
mod object;
mod stash;

use api::pool::PoolKind;
use serde_json::Value;

pub use error::ConvertError;
use error::Problem;
pub(crate) use object::read_spec;
use object::{Object, Version};

/// Converts a pool, or a list of pools, to `desired`, e.g. `ipam.cluster.x-k8s.io/v1alpha1`.
///
/// A conversion to the version the object has already changes nothing. Prefix pools have one version only.
/// Metadata other than annotations and the whole status come back unchanged.
///
/// # Errors
/// When the kind or a version is not ours, a field has the wrong type, or `spec.subnet` is not a CIDR. The error
/// names the object.
pub fn convert(object: Value, desired: &str) -> Result<Value, ConvertError> {
    let object = Object::new(object).map_err(|problem| problem.about("the request"))?;
    let name = object.display_name();
    convert_any(object, desired)
        .map(Value::from)
        .map_err(|problem| problem.about(&name))
}

fn convert_any(mut object: Object, desired: &str) -> Result<Object, Problem> {
    let kind_text = object.text("kind").to_owned();
    let (kind, list) = match kind_text.strip_suffix("List") {
        Some(element) => (element, true),
        None => (kind_text.as_str(), false),
    };
    let kind: PoolKind = kind.parse().map_err(|e| Problem::Kind(format!("{e}")))?;
    let to = Version::of(kind, desired)?;
    if !list {
        let from = Version::of(kind, object.text("apiVersion"))?;
        return convert_one(object, kind, from, to);
    }
    let from = object.text("apiVersion").to_owned();
    Version::of(kind, &from)?;
    for item in object.items()? {
        let element = Object::element(item.take(), &from, kind)?;
        let from = Version::of(kind, element.text("apiVersion"))?;
        *item = convert_one(element, kind, from, to)?.into();
    }
    object.set_text("apiVersion", to.api_version());
    Ok(object)
}

fn convert_one(mut object: Object, kind: PoolKind, from: Version, to: Version) -> Result<Object, Problem> {
    match (from, to) {
        (Version::V1Alpha1, Version::V1Alpha2) => forward::convert(&mut object, kind)?,
        (Version::V1Alpha2, Version::V1Alpha1) => back::convert(&mut object, kind)?,
        (Version::V1Alpha1, Version::V1Alpha1) | (Version::V1Alpha2, Version::V1Alpha2) => {}
    }
    object.set_text("apiVersion", to.api_version());
    Ok(object)
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;
