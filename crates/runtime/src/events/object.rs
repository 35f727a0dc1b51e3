//! The event as the API server wants it.
//!
//! Limits: `pkg/apis/core/validation/events.go` of Kubernetes. An event beyond them would be refused, so
//! everything is cut to fit.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event as CoreEvent, EventSource, ObjectReference};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use kube::api::ObjectMeta;

/// Longest note. Unit: bytes.
pub const MAX_NOTE: usize = 1024;

/// Longest reason, action and reporting instance. Unit: bytes.
pub const MAX_FIELD: usize = 128;

/// Longest name of an object (RFC 1123 subdomain). Unit: bytes.
const MAX_NAME: usize = 253;

/// Where events about cluster-scoped objects live; the API server accepts no other.
const CLUSTER_NAMESPACE: &str = "default";

/// Good news or bad news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Something happened as it should.
    Normal,
    /// A person may have to look.
    Warning,
}

impl EventType {
    /// As written in the event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Who reports.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    /// `reportingController`, a qualified name such as `ipam.example/controller`.
    pub(super) controller: String,
    /// `reportingInstance`, usually the pod's name.
    pub(super) instance: String,
}

/// One event on its way.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) regarding: ObjectReference,
    pub(super) kind: EventType,
    pub(super) reason: String,
    pub(super) action: String,
    pub(super) note: String,
    /// When it happened, which may be a while before it is written.
    pub(super) at: Timestamp,
}

impl Message {
    /// The namespace the event belongs into: that of the object.
    pub(super) fn namespace(&self) -> &str {
        self.regarding
            .namespace
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or(CLUSTER_NAMESPACE)
    }

    /// The object to create. `nanos` makes its name unique.
    pub(super) fn object(&self, reporter: &Reporter, nanos: i128) -> Event {
        Event {
            metadata: self.metadata(nanos),
            action: Some(self.action.clone()),
            event_time: Some(MicroTime(self.at)),
            note: Some(self.note.clone()),
            reason: Some(self.reason.clone()),
            regarding: Some(self.regarding.clone()),
            reporting_controller: Some(reporter.controller.clone()),
            reporting_instance: Some(reporter.instance.clone()),
            type_: Some(self.kind.as_str().to_owned()),
            ..Event::default()
        }
    }

    /// The same in the older API, for roles that know no other.
    pub(super) fn core_object(&self, reporter: &Reporter, nanos: i128) -> CoreEvent {
        CoreEvent {
            metadata: self.metadata(nanos),
            involved_object: self.regarding.clone(),
            message: Some(self.note.clone()),
            reason: Some(self.reason.clone()),
            source: Some(EventSource {
                component: Some(reporter.controller.clone()),
                host: None,
            }),
            reporting_component: Some(reporter.controller.clone()),
            reporting_instance: Some(reporter.instance.clone()),
            first_timestamp: Some(Time(self.at)),
            last_timestamp: Some(Time(self.at)),
            count: Some(1),
            type_: Some(self.kind.as_str().to_owned()),
            ..CoreEvent::default()
        }
    }

    fn metadata(&self, nanos: i128) -> ObjectMeta {
        ObjectMeta {
            name: Some(name(self.regarding.name.as_deref().unwrap_or_default(), nanos)),
            namespace: Some(self.namespace().to_owned()),
            ..ObjectMeta::default()
        }
    }
}

/// `<object>.<hex nanoseconds>`, the form client-go uses and people know; always a valid name.
fn name(object: &str, nanos: i128) -> String {
    let suffix = format!(".{nanos:x}");
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let object = if object.chars().all(|c| plain(c) || c == '-' || c == '.') {
        object.to_owned()
    } else {
        // Some kinds allow more in a name than events do, e.g. RBAC's `system:node`.
        object.to_lowercase().replace(|c| !plain(c), "-")
    };
    let object = cut(&object, MAX_NAME - suffix.len()).trim_matches(|c| !plain(c));
    if object.is_empty() {
        format!("event{suffix}")
    } else {
        format!("{object}{suffix}")
    }
}

/// The longest start of `text` with at most `limit` bytes that does not end inside a character.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc");
        assert_eq!(cut("aäö", 4), "aä", "the last character has two bytes");
        assert_eq!(cut("€", 2), "");
    }

    #[test]
    fn names_are_valid_whatever_the_object_is_called() {
        assert_eq!(name("worker-3.rack1", 255), "worker-3.rack1.ff");
        assert_eq!(name("system:Node", 1), "system-node.1");
        assert_eq!(name("", 1), "event.1");
        assert_eq!(name("::", 1), "event.1");
        let long = name(&format!("{}-{}", "a".repeat(250), "b".repeat(3)), 1);
        assert_eq!(long, format!("{}.1", "a".repeat(250)), "no hyphen before the dot");
        assert_eq!(name(&"a".repeat(300), 1).len(), MAX_NAME);
    }
}
