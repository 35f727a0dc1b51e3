//! A Node whose machine is known: everything it should have, and what of that to write.

use super::{Decision, INVALID_ANNOTATION_PAUSE, NodeMemory, Retry, Situation, Write, change, synced};
use crate::plan::address::{self, AddressPlan, Evidence, Inputs, Judgement, ProvidedError};
use crate::plan::facts::{GuestAnswer, GuestReason};
use crate::plan::identity::Found;
use crate::plan::instance::{self, InstanceType};
use crate::plan::notice::{Notice, Reason};
use crate::plan::settings::Settings;
use crate::plan::topology::{self, Topology};
use crate::plan::verdict::Verdict;

pub(super) fn decide(
    settings: &Settings,
    situation: &Situation<'_>,
    found: &Found,
    memory: &mut NodeMemory,
) -> Decision {
    Work {
        settings,
        situation,
        found,
    }
    .next(memory)
}

/// A Node whose machine is known.
struct Work<'a> {
    settings: &'a Settings,
    situation: &'a Situation<'a>,
    found: &'a Found,
}

/// The parts of a Node's metadata.
struct Metadata {
    topology: Topology,
    instance_type: InstanceType,
    addresses: Result<(AddressPlan, Judgement), ProvidedError>,
}

impl Work<'_> {
    fn next(&self, memory: &mut NodeMemory) -> Decision {
        let metadata = self.metadata(memory);
        let mut decision = if self.situation.node.is_tainted() {
            self.initialise(&metadata, memory)
        } else {
            self.update(&metadata)
        };
        self.report(metadata, &mut decision, memory);
        decision
    }

    fn metadata(&self, memory: &mut NodeMemory) -> Metadata {
        let (node, machine) = (self.situation.node, &self.found.machine);
        let new = node.is_tainted();
        Metadata {
            topology: topology::place(self.settings, &machine.host, self.situation.affinity, new),
            instance_type: instance::instance_type(machine, &self.found.config.config),
            addresses: self.addresses(memory),
        }
    }

    fn addresses(&self, memory: &mut NodeMemory) -> Result<(AddressPlan, Judgement), ProvidedError> {
        let (node, rules) = (self.situation.node, &self.settings.network);
        let inputs = Inputs {
            hostname: &node.name,
            provided: node.provided_node_ip.as_deref(),
            previous: &node.addresses,
            evidence: Evidence::NotAsked,
        };
        if !rules.mode.asks_guest() {
            return address::plan(&inputs, rules).map(|planned| (planned, Judgement::Provided));
        }
        if let Some(uuid) = self.found.uuid() {
            memory.guest.belongs_to(&self.found.machine.id, uuid);
        }
        let not_asked = GuestAnswer::unavailable(GuestReason::Other, "nobody asked");
        let answer = self.situation.guest.unwrap_or(&not_asked);
        let macs = &self.found.config.config.macs;
        memory
            .guest
            .settle(self.situation.now, answer, macs, &inputs, rules)
    }

    fn initialise(&self, metadata: &Metadata, memory: &mut NodeMemory) -> Decision {
        let node = self.situation.node;
        let (planned, zone) = match (&metadata.addresses, &metadata.topology.zone) {
            (Ok((planned, _)), Some(_)) => (planned, &metadata.topology),
            (Err(_), _) => {
                // The annotation decides, and only its change helps: no growing pause.
                return Decision {
                    retry: Retry::After(INVALID_ANNOTATION_PAUSE),
                    ..Decision::new(Write::Nothing)
                };
            }
            (Ok(_), None) => {
                let retry = Retry::After(memory.backoff.failed(node));
                return Decision {
                    retry,
                    ..Decision::new(Write::Nothing)
                };
            }
        };
        memory.backoff.reset();
        let change = change::initial(
            self.settings,
            node,
            self.found,
            zone,
            &metadata.instance_type,
            planned,
        );
        Decision {
            retry: self.requery(memory),
            on_success: vec![synced()],
            ..Decision::new(Write::Initialise(change))
        }
    }

    fn update(&self, metadata: &Metadata) -> Decision {
        let planned = metadata.addresses.as_ref().ok().map(|(planned, _)| planned);
        let (node, topology) = (self.situation.node, &metadata.topology);
        let change = change::update(
            self.settings,
            node,
            self.found,
            topology,
            &metadata.instance_type,
            planned,
        );
        Decision::new(if change.is_empty() {
            Write::Nothing
        } else {
            Write::Update(change)
        })
    }

    fn requery(&self, memory: &NodeMemory) -> Retry {
        if !self.settings.network.mode.asks_guest() {
            return Retry::Pass;
        }
        // Also while the machine has nothing to say: it was started before its list says so, and a look costs nothing.
        let wait = memory.guest.next_query(self.situation.now);
        wait.map_or(Retry::Pass, Retry::After)
    }

    /// Adds what people are told, and the addresses themselves.
    fn report(&self, metadata: Metadata, decision: &mut Decision, memory: &mut NodeMemory) {
        let node = self.situation.node;
        decision.verdicts.extend(metadata.topology.verdicts);
        decision.notices.extend(metadata.topology.notice);
        self.report_type(&metadata.instance_type, decision);
        match metadata.addresses {
            Ok((planned, judgement)) => {
                decision.verdicts.extend(planned.verdicts.iter().cloned());
                decision.notices.extend(planned.notices.iter().cloned());
                decision.warnings = memory.first_time(&planned.warnings);
                decision.addresses = Some(planned);
                decision.judgement = Some(judgement);
                memory.complained = None;
                if decision.retry == Retry::Pass {
                    decision.retry = self.requery(memory);
                }
            }
            Err(error) => {
                decision.verdicts.push(Verdict::new(
                    "provided-node-ip rule",
                    &error.value,
                    &error.problem,
                ));
                decision.notices.extend(memory.complaint(node, &error));
            }
        }
    }

    fn report_type(&self, instance_type: &InstanceType, decision: &mut Decision) {
        let name = instance_type.name.as_deref().unwrap_or("(size not known)");
        decision
            .verdicts
            .push(Verdict::new("instance type", &self.found.machine.id, name));
        let Some(sku) = &instance_type.refused_sku else {
            return;
        };
        decision.verdicts.push(Verdict::new(
            "instance type",
            format_args!("SKU {sku:?}"),
            "no label value, not used",
        ));
        if self.situation.node.is_tainted() || self.settings.force_update_labels {
            decision.notices.push(Notice::warning(
                Reason::InvalidSku,
                format!(
                    "the SKU {sku:?} of machine {} cannot be a label value, so the instance type is {name}; use 1 to 63 \
                     letters, digits, `-`, `_` and `.` with a letter or digit at both ends",
                    self.found.machine.id
                ),
            ));
        }
    }
}
