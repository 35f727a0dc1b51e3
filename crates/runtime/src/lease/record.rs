//! The election record and how it is written into a Lease object.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use serde_json::{Value, json};

/// What client-go calls the leader election record: the part of a Lease that elections are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Identity of the holder; empty after an orderly release.
    pub holder: String,
    /// How long the holder may be silent. Unit: seconds; zero or less when the object does not say.
    pub duration_seconds: i32,
    /// When the holder became one, on its clock.
    pub acquired: Option<MicroTime>,
    /// When the holder last renewed, on its clock. Only good for noticing a change.
    pub renewed: Option<MicroTime>,
    /// How often the holder changed.
    pub transitions: i32,
}

impl Record {
    /// Reads an object; absent fields are empty or zero.
    #[must_use]
    pub fn of(object: &Object) -> Self {
        let spec = object.spec.clone().unwrap_or_default();
        Self {
            holder: spec.holder_identity.unwrap_or_default(),
            duration_seconds: spec.lease_duration_seconds.unwrap_or_default(),
            acquired: spec.acquire_time,
            renewed: spec.renew_time,
            transitions: spec.lease_transitions.unwrap_or_default(),
        }
    }

    /// How long the holder may be silent; `default` where the object does not say.
    #[must_use]
    pub fn duration(&self, default: Duration) -> Duration {
        match u64::try_from(self.duration_seconds) {
            Ok(seconds) if seconds > 0 => Duration::from_secs(seconds),
            _ => default,
        }
    }

    /// The record `identity` writes at `now` (wall clock) when it takes or renews the lease.
    #[must_use]
    pub fn held_by(identity: &str, before: Option<&Self>, duration: Duration, now: Timestamp) -> Self {
        let renewing = before.filter(|record| record.holder == identity);
        Self {
            holder: identity.to_owned(),
            duration_seconds: i32::try_from(duration.as_secs()).unwrap_or(i32::MAX),
            acquired: renewing
                .and_then(|record| record.acquired.clone())
                .or(Some(MicroTime(now))),
            renewed: Some(MicroTime(now)),
            transitions: match (renewing, before) {
                (Some(record), _) => record.transitions,
                (None, Some(record)) => record.transitions.saturating_add(1),
                (None, None) => 0,
            },
        }
    }

    /// The record that gives the lease back, as client-go's `ReleaseOnCancel` writes it.
    #[must_use]
    pub fn released(&self, now: Timestamp) -> Self {
        Self {
            holder: String::new(),
            duration_seconds: 1,
            acquired: Some(MicroTime(now)),
            renewed: Some(MicroTime(now)),
            transitions: self.transitions,
        }
    }

    /// A merge patch for an object last seen at `version`; the server refuses it when that is outdated.
    #[must_use]
    pub fn patch(&self, version: &str) -> Value {
        json!({ "metadata": { "resourceVersion": version }, "spec": self.spec() })
    }

    /// The `spec` of a new object.
    #[must_use]
    pub fn spec(&self) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.holder.clone()),
            lease_duration_seconds: Some(self.duration_seconds),
            acquire_time: self.acquired.clone(),
            renew_time: self.renewed.clone(),
            lease_transitions: Some(self.transitions),
            ..LeaseSpec::default()
        }
    }
}
