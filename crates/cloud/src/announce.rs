//! Events on Nodes, under the names of the two controllers we replace.

use k8s_openapi::api::core::v1::ObjectReference;
use runtime::events::{EventType, Recorder};

use crate::plan::facts::NodeFacts;
use crate::plan::notice::{Notice, Severity};
use crate::world::World;

/// `reportingController` of the node loop.
pub const NODE_LOOP: &str = "cloud-node-controller";
/// `reportingController` of the lifecycle loop.
pub const LIFECYCLE_LOOP: &str = "cloud-node-lifecycle-controller";

/// Which loop speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The node loop.
    Node,
    /// The lifecycle loop.
    Lifecycle,
}

/// Records events. One without recorders only logs.
#[derive(Clone, Debug, Default)]
pub struct Announcer {
    /// For [`Voice::Node`].
    pub node: Option<Recorder>,
    /// For [`Voice::Lifecycle`].
    pub lifecycle: Option<Recorder>,
}

impl Announcer {
    /// Says it unless the same was said of this Node within ten minutes (§8.4).
    pub fn tell(&self, world: &World, node: &NodeFacts, voice: Voice, notice: &Notice) {
        if !world
            .with(&node.name, |entry| entry.is_news(notice))
            .unwrap_or(true)
        {
            return;
        }
        let (reason, text) = (notice.reason.as_str(), notice.text.as_str());
        let kind = match notice.severity {
            Severity::Normal => EventType::Normal,
            Severity::Warning => EventType::Warning,
        };
        match notice.severity {
            Severity::Warning => tracing::warn!(node = &*node.name, reason, "{text}"),
            Severity::Normal if world.options.per_node_lines => {
                tracing::info!(node = &*node.name, reason, "{text}");
            }
            Severity::Normal => tracing::debug!(node = &*node.name, reason, "{text}"),
        }
        let (recorder, action) = match voice {
            Voice::Node => (&self.node, "SyncNode"),
            Voice::Lifecycle => (&self.lifecycle, "MonitorNode"),
        };
        if let Some(recorder) = recorder {
            recorder.record(&reference(node), kind, reason, action, text);
        }
    }
}

fn reference(node: &NodeFacts) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Node".to_owned()),
        name: Some(node.name.to_string()),
        uid: Some(node.uid.to_string()),
        ..ObjectReference::default()
    }
}
