//! A report that fits into etcd (spec §11.2, D14).

use serde_json::Value;

use super::filter::running_routes;
use crate::plan::document::{list_mut, text};

/// Running routes that stay when there are too many.
const ROUTES_KEPT: usize = 1000;

/// What of a VLAN interface stays at last.
const VLAN_KEPT: [&str; 6] = ["name", "type", "state", "ipv4", "ipv6", "vlan"];

type Step = (&'static str, fn(&mut Value));

/// In this order, until it fits.
const STEPS: [Step; 5] = [
    ("ethtool of virtual interfaces", |report| {
        drop_key(report, "ethtool", is_virtual);
    }),
    ("ethtool of all interfaces", |report| {
        drop_key(report, "ethtool", |_| true);
    }),
    ("mptcp", |report| drop_key(report, "mptcp", |_| true)),
    ("running routes beyond 1000", cut_routes),
    ("details of vlan interfaces", strip_vlans),
];

/// A report and what it lacks.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    /// The report.
    pub report: Value,
    /// What was left out, in order; empty for a report that was small enough. For the condition `Truncated`.
    pub dropped: Vec<&'static str>,
    /// Bytes of its JSON. More than the limit only when there was nothing left to leave out.
    pub bytes: usize,
}

impl Shrunk {
    /// The message of the condition `Truncated`; none if the report is whole.
    #[must_use]
    pub fn message(&self, max_bytes: usize) -> Option<String> {
        if self.dropped.is_empty() {
            return None;
        }
        let mut message = format!(
            "the report was larger than {max_bytes} bytes; left out: {}",
            self.dropped.join(", ")
        );
        if self.bytes > max_bytes {
            message.push_str(&format!(
                "; it still has {} bytes: exclude interfaces in spec.report of NMState",
                self.bytes
            ));
        }
        Some(message)
    }
}

/// Leaves parts out until the JSON of `report` has at most `max_bytes`. Cost: one serialisation per step taken.
#[must_use]
pub fn shrink(mut report: Value, max_bytes: usize) -> Shrunk {
    let mut bytes = size(&report);
    let mut dropped = Vec::new();
    for (what, step) in STEPS {
        if bytes <= max_bytes {
            break;
        }
        step(&mut report);
        let smaller = size(&report);
        // What was not there was not left out.
        if smaller < bytes {
            dropped.push(what);
        }
        bytes = smaller;
    }
    Shrunk {
        report,
        dropped,
        bytes,
    }
}

/// Bytes of the JSON text.
#[must_use]
pub fn size(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail, and a `Value` always has a text.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

fn is_virtual(entry: &Value) -> bool {
    !matches!(text(entry, "type"), Some("ethernet" | "infiniband"))
}

fn drop_key(report: &mut Value, key: &str, of: fn(&Value) -> bool) {
    for entry in list_mut(report, &["interfaces"]).into_iter().flatten() {
        if of(entry)
            && let Some(object) = entry.as_object_mut()
        {
            object.remove(key);
        }
    }
}

fn cut_routes(report: &mut Value) {
    if running_routes(report) > ROUTES_KEPT
        && let Some(routes) = list_mut(report, &["routes", "running"])
    {
        routes.truncate(ROUTES_KEPT);
    }
}

fn strip_vlans(report: &mut Value) {
    for entry in list_mut(report, &["interfaces"]).into_iter().flatten() {
        if text(entry, "type") == Some("vlan")
            && let Some(object) = entry.as_object_mut()
        {
            object.retain(|key, _| VLAN_KEPT.contains(&key.as_str()));
        }
    }
}
