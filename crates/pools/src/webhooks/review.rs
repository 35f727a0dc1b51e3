//! From an admission request to the rule that decides it.

use api::{
    names::SKIP_DELETE_GUARD,
    pool::{AddressPoolSpec, PoolKind, PrefixPoolSpec},
};
use kube::core::DynamicObject;
use runtime::webhook::{AdmissionRequest, Operation, Verdict};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Surroundings, answer};
use crate::plan::{
    admission::{self, Context, Overlap, PoolSpec},
    convert::read_spec,
    name::PoolName,
};

/// A spec that can be read from any JSON the API server may send before it has checked the schema.
trait WireSpec: PoolSpec + DeserializeOwned {
    /// The required list, which counts as empty when absent.
    const LIST: &'static str;
    /// Other required fields, 0 when absent.
    const NUMBERS: &'static [&'static str];

    fn read(object: &DynamicObject) -> Result<Self, serde_json::Error> {
        let numbers = Self::NUMBERS.iter().map(|field| (*field, Value::from(0)));
        let defaults: Vec<_> = std::iter::once((Self::LIST, Value::Array(Vec::new())))
            .chain(numbers)
            .collect();
        read_spec(object.data.get("spec"), &defaults)
    }
}

impl WireSpec for AddressPoolSpec {
    const LIST: &'static str = "addresses";
    const NUMBERS: &'static [&'static str] = &["prefix"];
}

impl WireSpec for PrefixPoolSpec {
    const LIST: &'static str = "prefixes";
    const NUMBERS: &'static [&'static str] = &[];
}

/// Answers a request to the validating webhook of `kind`.
pub(super) fn validate(
    kind: PoolKind,
    request: &AdmissionRequest,
    surroundings: &dyn Surroundings,
    overlap: Overlap,
) -> Verdict {
    let pool = PoolName::new(
        kind,
        request.namespace.as_deref().unwrap_or_default(),
        &request.name,
    );
    let context = Context {
        overlap,
        in_use: &|| surroundings.in_use(&pool),
        neighbours: &|| surroundings.neighbours(&pool),
    };
    let verdict = if kind.is_prefix() {
        decide::<PrefixPoolSpec>(request, &context)
    } else {
        decide::<AddressPoolSpec>(request, &context)
    };
    answer::of(verdict, kind, &request.name)
}

/// Answers a request to the mutating webhook of `kind`.
///
/// A spec that cannot be read is let through: the API server checks the schema next and says what is wrong with which
/// field, better than could be said here.
pub(super) fn mutate(kind: PoolKind, request: &AdmissionRequest) -> Verdict {
    let object = request
        .object
        .as_ref()
        .filter(|object| object.data.get("spec").is_some_and(Value::is_object));
    let verdict = match object {
        Some(object) if kind.is_prefix() => PrefixPoolSpec::read(object)
            .ok()
            .map(|spec| admission::default(&spec)),
        Some(object) => AddressPoolSpec::read(object)
            .ok()
            .map(|spec| admission::default(&spec)),
        None => None,
    };
    verdict.map_or_else(Verdict::allow, |verdict| answer::of(verdict, kind, &request.name))
}

fn decide<S: WireSpec>(request: &AdmissionRequest, context: &Context<'_>) -> admission::Verdict {
    let (new, old) = (request.object.as_ref(), request.old_object.as_ref());
    match (&request.operation, new, old) {
        (Operation::Create, Some(new), _) => match S::read(new) {
            Ok(spec) => admission::create(&spec, context),
            Err(e) => unreadable(&e),
        },
        (Operation::Update, Some(new), Some(old)) => update::<S>(old, new, context),
        (Operation::Delete, _, Some(old)) => {
            let annotations = old.metadata.annotations.as_ref();
            admission::delete(
                annotations.is_some_and(|a| a.contains_key(SKIP_DELETE_GUARD)),
                context,
            )
        }
        (operation, ..) => admission::Verdict::Unknown(format!(
            "the API server sent a {operation:?} without the objects needed to judge it; check that the webhook is \
             registered for CREATE, UPDATE and DELETE of pools"
        )),
    }
}

fn update<S: WireSpec>(
    old: &DynamicObject,
    new: &DynamicObject,
    context: &Context<'_>,
) -> admission::Verdict {
    let deleting = new.metadata.deletion_timestamp.is_some();
    match (S::read(old), S::read(new)) {
        (Ok(old), Ok(new)) => admission::update(&old, &new, deleting, context),
        // It must be possible to let go of a pool, and to leave it alone, whatever its spec looks like.
        (_, Err(_)) if deleting || old.data.get("spec") == new.data.get("spec") => {
            admission::Verdict::Allow {
                warnings: Vec::new(),
                patch: Vec::new(),
            }
        }
        (_, Err(e)) => unreadable(&e),
        // Nothing could be allocated from a pool that cannot be read, so nothing can be lost.
        (Err(_), Ok(new)) => admission::create(&new, context),
    }
}

fn unreadable(error: &serde_json::Error) -> admission::Verdict {
    admission::Verdict::Refused(format!(
        "cannot read spec: {error}; give the field the type it has in the CRD"
    ))
}
