use std::time::Duration;

use crate::plan::facts::{NodeFacts, SystemUuid};

/// How long a Node with an unusable annotation rests; a change of the Node wakes it at once (§5.7).
pub const INVALID_ANNOTATION_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(60);

/// Growing pauses for a Node that cannot be initialised: 1 s × 2^n up to 60 s (§6.1).
///
/// They start anew when something changes that could help: the annotation, the provider ID or the UUID.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
    seen: Option<Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    provided: Option<Box<str>>,
    provider_id: Box<str>,
    system_uuid: Option<SystemUuid>,
}

impl Backoff {
    /// Counts a failure and returns the pause after it, without jitter.
    pub fn failed(&mut self, node: &NodeFacts) -> Duration {
        let seen = Seen {
            provided: node.provided_node_ip.clone(),
            provider_id: node.provider_id.clone(),
            system_uuid: node.system_uuid.clone(),
        };
        if self.seen.as_ref() != Some(&seen) {
            *self = Self {
                failures: 0,
                seen: Some(seen),
            };
        }
        let pause = Duration::from_secs(1) * 2_u32.saturating_pow(self.failures.min(6));
        self.failures = self.failures.saturating_add(1);
        pause.min(LONGEST)
    }

    /// Something worked.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
