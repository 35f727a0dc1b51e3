//! The index of Nodes: what the watch showed last, what is remembered, and what is due.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::NodeName;
use crate::metrics::{Counted, NodeCounts};
use crate::names;
use crate::observe::Seen;
use crate::plan::facts::{Mac, NodeFacts};
use crate::plan::labels;
use crate::plan::lifecycle::LifecycleMemory;
use crate::plan::node::NodeMemory;
use crate::plan::notice::{Notice, Reason};
use crate::plan::provider_id::ProviderId;

/// Hardware addresses of a guest that are remembered. More devices than a machine can have (32), so that a guest that makes
/// them up has its configuration read again so many times and no more.
const MACS: usize = 64;

/// The same event about the same Node is recorded at most once in this time (§8.4).
const TELL_AGAIN: Duration = Duration::from_mins(10);

/// Everything kept of one Node.
#[derive(Debug)]
pub struct Entry {
    /// As the watch showed it last.
    pub seen: Arc<Seen>,
    /// What the node loop remembers.
    pub memory: NodeMemory,
    /// What the lifecycle loop remembers.
    pub lifecycle: LifecycleMemory,
    /// Whether its machine was found at the last look; `None` before the first.
    pub found: Option<bool>,
    /// Hardware addresses its guest has shown so far, [`MACS`] at most.
    macs: HashSet<Mac>,
    /// What its addresses rest on since the last look, counted for the metrics.
    pub source: Option<Counted>,
    pub(super) due: Option<Instant>,
    /// Somebody works on it; a Node may wait in both pools while it is being initialised.
    busy: bool,
    /// Somebody else wanted to meanwhile.
    again: bool,
    told: HashMap<Reason, (String, Instant)>,
}

impl Entry {
    fn new(seen: Seen, now: Instant) -> Self {
        Self {
            seen: Arc::new(seen),
            memory: NodeMemory::default(),
            lifecycle: LifecycleMemory::default(),
            found: None,
            macs: HashSet::new(),
            source: None,
            due: Some(now),
            busy: false,
            again: false,
            told: HashMap::new(),
        }
    }

    /// Remembers hardware addresses that its guest shows. Whether there was a new one among them.
    pub fn shows(&mut self, macs: impl IntoIterator<Item = Mac>) -> bool {
        let before = self.macs.len();
        for mac in macs {
            if self.macs.len() < MACS {
                self.macs.insert(mac);
            }
        }
        self.macs.len() > before
    }

    /// When it has to be woken; nobody has to while it is being worked on.
    pub(super) fn timer(&self) -> Option<Instant> {
        self.due.filter(|_| !self.busy)
    }

    /// Whether this has not been said of the Node lately.
    pub fn is_news(&mut self, notice: &Notice) -> bool {
        let now = Instant::now();
        let known = self.told.get(&notice.reason);
        if known.is_some_and(|(text, at)| *text == notice.text && now < *at + TELL_AGAIN) {
            return false;
        }
        self.told.insert(notice.reason, (notice.text.clone(), now));
        true
    }
}

/// What there is to do for a Node.
#[derive(Clone, Debug)]
pub enum Turn {
    /// Nothing now, or the Node is gone.
    Rest,
    /// Only what its own labels say.
    Labels(Arc<Seen>),
    /// Everything.
    Full(Arc<Seen>),
}

/// Who has to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Nobody,
    Now,
    /// Nobody waits for it.
    WhenIdle,
}

#[derive(Debug, Default)]
pub(super) struct Nodes(BTreeMap<NodeName, Entry>);

impl Nodes {
    pub(super) fn apply(&mut self, name: NodeName, seen: Seen, now: Instant) -> Wake {
        let usual = |facts: &NodeFacts| {
            if facts.is_tainted() {
                Wake::Now
            } else {
                Wake::WhenIdle
            }
        };
        let Some(entry) = self
            .0
            .get_mut(&name)
            .filter(|entry| entry.seen.facts.uid == seen.facts.uid)
        else {
            let wake = usual(&seen.facts);
            self.0.insert(name, Entry::new(seen, now));
            return wake;
        };
        if !is_newer(&seen.facts, &entry.seen.facts) {
            return Wake::Nobody;
        }
        let anew = asks_anew(&entry.seen.facts, &seen.facts);
        entry.seen = Arc::new(seen);
        let facts = &entry.seen.facts;
        if anew {
            entry.due = Some(now);
            return Wake::Now;
        }
        if !facts.is_tainted() && !labels::reconcile(facts).is_empty() {
            return Wake::Now;
        }
        Wake::Nobody
    }

    pub(super) fn learn(&mut self, seen: Seen) {
        if let Some(entry) = self.0.get_mut(&*seen.facts.name)
            && entry.seen.facts.uid == seen.facts.uid
            && is_newer(&seen.facts, &entry.seen.facts)
        {
            entry.seen = Arc::new(seen);
        }
    }

    pub(super) fn retain(&mut self, listed: &HashSet<Box<str>>) {
        self.0.retain(|name, _| listed.contains(&**name));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Forgets this very Node, not one that has come under its name meanwhile.
    pub(super) fn forget(&mut self, node: &NodeFacts) {
        if self
            .0
            .get(&*node.name)
            .is_some_and(|entry| entry.seen.facts.uid == node.uid)
        {
            self.0.remove(&*node.name);
        }
    }

    pub(super) fn turn(&mut self, name: &str, now: Instant) -> Turn {
        let Some(entry) = self.0.get_mut(name) else {
            return Turn::Rest;
        };
        if entry.busy {
            entry.again = true;
            return Turn::Rest;
        }
        if entry.due.is_some_and(|due| due <= now) {
            (entry.due, entry.busy) = (None, true);
            return Turn::Full(entry.seen.clone());
        }
        if entry.seen.facts.is_tainted() || labels::reconcile(&entry.seen.facts).is_empty() {
            return Turn::Rest;
        }
        entry.busy = true;
        Turn::Labels(entry.seen.clone())
    }

    /// A turn that was not [`Turn::Rest`] is over. Whether the Node was wanted meanwhile.
    pub(super) fn end(&mut self, name: &str) -> bool {
        let Some(entry) = self.0.get_mut(name) else {
            return false;
        };
        entry.busy = false;
        std::mem::take(&mut entry.again)
    }

    pub(super) fn due(&mut self, name: &str, at: Instant) {
        if let Some(entry) = self.0.get_mut(name) {
            entry.due = Some(entry.due.map_or(at, |due| due.min(at)));
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Entry> {
        self.0.get_mut(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.0.values()
    }

    pub(super) fn own(&self) -> usize {
        let own = |entry: &&Entry| ProviderId::parse(&entry.seen.facts.provider_id).is_named();
        self.all().filter(own).count()
    }

    pub(super) fn counts(&self) -> NodeCounts {
        let mut counts = NodeCounts::default();
        for entry in self.all() {
            let facts = &entry.seen.facts;
            if ProviderId::parse(&facts.provider_id) == ProviderId::Foreign {
                counts.foreign += 1;
            } else if facts.is_tainted() {
                counts.tainted += 1;
            } else if entry.found == Some(false) {
                counts.unknown += 1;
            } else {
                counts.initialised += 1;
            }
        }
        counts
    }
}

/// Whether `new` is a later state than `old`: the answer to our own write often overtakes the watch.
///
/// Kubernetes orders the versions of one resource as numbers; a text that is none counts as newer.
fn is_newer(new: &NodeFacts, old: &NodeFacts) -> bool {
    match (
        new.resource_version.parse::<u64>(),
        old.resource_version.parse::<u64>(),
    ) {
        (Ok(new), Ok(old)) => new > old,
        _ => true,
    }
}

/// Whether a change could lead to another decision, so that no pause makes sense any more (§6.1).
///
/// Initialisation itself is no such change: its event often comes before the answer to our own write, and would cost a
/// second look at every new Node.
fn asks_anew(old: &NodeFacts, new: &NodeFacts) -> bool {
    let identity = |facts: &NodeFacts| {
        let region = |key| facts.label(key).map(str::to_owned);
        let regions = [region(names::PROXMOX_REGION), region(names::REGION)];
        (facts.provider_id.clone(), facts.instance_id.clone(), regions)
    };
    old.provided_node_ip != new.provided_node_ip
        || old.system_uuid != new.system_uuid
        || (new.is_tainted() && (!old.is_tainted() || identity(old) != identity(new)))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;

    use super::*;
    use crate::plan::facts::Taint;

    fn seen(version: &str) -> Seen {
        let mut facts = NodeFacts::read(&Node::default());
        (facts.name, facts.uid, facts.resource_version) = ("n1".into(), "u".into(), version.into());
        Seen {
            facts,
            has_labels: true,
            has_annotations: true,
        }
    }

    fn tainted(mut seen: Seen) -> Seen {
        seen.facts.taints.push(Taint {
            key: names::TAINT_UNINITIALIZED.into(),
            value: "".into(),
            effect: "NoSchedule".into(),
        });
        seen
    }

    fn name() -> NodeName {
        "n1".into()
    }

    /// A turn that is over at once.
    fn turn(nodes: &mut Nodes, now: Instant) -> Turn {
        let turn = nodes.turn("n1", now);
        if !matches!(turn, Turn::Rest) {
            assert!(!nodes.end("n1"), "nobody else wanted it");
        }
        turn
    }

    #[tokio::test]
    async fn a_new_node_of_the_same_name_outlives_the_deletion_of_the_old_one() {
        let (mut nodes, now) = (Nodes::default(), Instant::now());
        let old = seen("5");
        let mut new = seen("9");
        new.facts.uid = "other".into();
        nodes.apply(name(), new, now);
        nodes.forget(&old.facts);
        assert!(nodes.get("n1").is_some());
        let _ = nodes.apply(name(), seen("12"), now);
        nodes.forget(&old.facts);
        assert!(nodes.get("n1").is_none());
    }

    #[tokio::test]
    async fn a_state_older_than_our_own_write_changes_nothing() {
        let (mut nodes, now) = (Nodes::default(), Instant::now());
        assert_eq!(nodes.apply(name(), tainted(seen("5")), now), Wake::Now);
        assert!(matches!(turn(&mut nodes, now), Turn::Full(_)));
        nodes.learn(seen("9"));
        assert_eq!(nodes.apply(name(), tainted(seen("7")), now), Wake::Nobody);
        assert!(!nodes.get("n1").unwrap().seen.facts.is_tainted());
        assert_eq!(nodes.apply(name(), seen("9"), now), Wake::Nobody);
        assert!(matches!(turn(&mut nodes, now), Turn::Rest));
    }

    #[tokio::test]
    async fn only_what_could_help_ends_a_pause() {
        let (mut nodes, now) = (Nodes::default(), Instant::now());
        nodes.apply(name(), tainted(seen("5")), now);
        turn(&mut nodes, now);
        nodes.due("n1", now + Duration::from_mins(1));
        let mut other = tainted(seen("6"));
        other.facts.addresses.clear();
        assert_eq!(nodes.apply(name(), other, now), Wake::Nobody, "a heartbeat");
        assert!(matches!(turn(&mut nodes, now), Turn::Rest));
        let mut changed = tainted(seen("7"));
        changed.facts.provided_node_ip = Some("10.0.0.5".into());
        assert_eq!(nodes.apply(name(), changed, now), Wake::Now);
        assert!(matches!(turn(&mut nodes, now), Turn::Full(_)));
    }

    #[tokio::test]
    async fn our_own_initialisation_is_no_reason_to_look_again() {
        let (mut nodes, now) = (Nodes::default(), Instant::now());
        nodes.apply(name(), tainted(seen("5")), now);
        turn(&mut nodes, now);
        let mut written = seen("6");
        written.facts.provider_id = "proxmox://fsn/100".into();
        assert_eq!(nodes.apply(name(), written, now), Wake::Nobody);
        let mut moved = tainted(seen("7"));
        moved.facts.provider_id = "proxmox://fsn/101".into();
        assert_eq!(nodes.apply(name(), moved, now), Wake::Now, "tainted again");
    }

    #[tokio::test]
    async fn a_node_is_worked_on_by_one_worker_at_a_time() {
        let (mut nodes, now) = (Nodes::default(), Instant::now());
        nodes.apply(name(), tainted(seen("5")), now);
        assert!(matches!(nodes.turn("n1", now), Turn::Full(_)));
        let mut changed = tainted(seen("6"));
        changed.facts.provided_node_ip = Some("10.0.0.5".into());
        assert_eq!(nodes.apply(name(), changed, now), Wake::Now);
        assert_eq!(
            nodes.get("n1").and_then(Entry::timer),
            None,
            "no use in waking anybody"
        );
        assert!(
            matches!(nodes.turn("n1", now), Turn::Rest),
            "the other pool has to wait"
        );
        assert!(nodes.end("n1"), "and is not forgotten");
        assert!(matches!(turn(&mut nodes, now), Turn::Full(_)));
        assert!(matches!(turn(&mut nodes, now), Turn::Rest));
    }

    #[tokio::test]
    async fn a_node_made_again_starts_anew_and_one_not_listed_is_forgotten() {
        let (mut nodes, now) = (Nodes::default(), Instant::now());
        nodes.apply(name(), seen("5"), now);
        nodes.get_mut("n1").unwrap().found = Some(true);
        let mut again = seen("3");
        again.facts.uid = "other".into();
        assert_eq!(nodes.apply(name(), again, now), Wake::WhenIdle);
        assert_eq!(nodes.get("n1").unwrap().found, None);
        nodes.retain(&HashSet::new());
        assert!(nodes.get("n1").is_none());
    }

    #[tokio::test]
    async fn a_guest_that_makes_up_hardware_addresses_is_believed_so_many_times_and_no_more() {
        let mut entry = Entry::new(seen("1"), Instant::now());
        let mac = |number: u32| format!("bc:24:11:2e:{:02x}:{:02x}", number >> 8, number & 255).parse();
        let news = (0..1000).filter(|number| entry.shows(mac(*number)));
        assert_eq!(news.count(), MACS);
        assert_eq!(entry.macs.len(), MACS);
        assert!(!entry.shows(mac(0)) && !entry.shows([]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_is_said_once_in_ten_minutes() {
        let mut entry = Entry::new(seen("1"), Instant::now());
        let notice = |text: &str| Notice::warning(Reason::InstanceNotFound, text);
        assert!(entry.is_news(&notice("a")) && !entry.is_news(&notice("a")));
        assert!(entry.is_news(&notice("b")), "another text");
        tokio::time::advance(TELL_AGAIN).await;
        assert!(entry.is_news(&notice("b")));
    }
}
