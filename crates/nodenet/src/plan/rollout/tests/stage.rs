//! A cluster in memory: nodes that behave as their process does towards the API, and the writes carried out.

use std::collections::BTreeMap;

use api::nmstate::Policy;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::*;
use crate::plan::condition::enactment::{EnactmentState, FailingReason, MAX_RETRIES, Said, said};

/// What a node's attempts come to, in this order; the last one for ever.
pub(super) type Script = Vec<bool>;

pub(super) struct Stage {
    pub(super) policy: Policy,
    pub(super) nodes: Nodes,
    pub(super) enactments: BTreeMap<String, EnactmentView>,
    pub(super) scripts: BTreeMap<String, Script>,
    failures: BTreeMap<String, u32>,
    attempts: BTreeMap<String, usize>,
    pub(super) now: Timestamp,
    /// Every message of the policy's True condition, each once in a row.
    pub(super) said: Vec<String>,
    /// Status writes.
    pub(super) writes: usize,
    /// The most nodes between first Progressing and Available at any time.
    pub(super) most: usize,
}

impl Stage {
    pub(super) fn new(nodes: usize, spec: &Value) -> Self {
        let policy = json!({"metadata": {"name": "p", "generation": 1}, "spec": spec});
        let mut stage = Self {
            policy: serde_json::from_value(policy).expect("a policy"),
            nodes: Nodes::new(),
            enactments: BTreeMap::new(),
            scripts: BTreeMap::new(),
            failures: BTreeMap::new(),
            attempts: BTreeMap::new(),
            now: Timestamp::from_second(1_000_000).unwrap(),
            said: Vec::new(),
            writes: 0,
            most: 0,
        };
        for n in 1..=nodes {
            stage.join(&format!("n{n}"));
        }
        stage
    }

    pub(super) fn join(&mut self, node: &str) {
        let view = NodeView {
            ready: true,
            handler: true,
            managed: true,
            ..NodeView::default()
        };
        self.nodes.insert(node.to_owned(), view);
    }

    pub(super) fn leave(&mut self, node: &str) {
        self.nodes.remove(node);
        self.enactments.remove(node);
    }

    /// The policy gets another spec.
    pub(super) fn edit(&mut self, spec: Value) {
        self.policy.spec = serde_json::from_value(spec).expect("a spec");
        self.policy.metadata.generation = Some(self.policy.generation() + 1);
        self.failures.clear();
    }

    pub(super) fn script(&mut self, node: &str, script: &[bool]) {
        self.scripts.insert(node.to_owned(), script.to_vec());
    }

    pub(super) fn plan(&self) -> Plan {
        let enactments: Vec<&EnactmentView> = self.enactments.values().collect();
        plan(&Snapshot {
            policy: &self.policy,
            nodes: &self.nodes,
            enactments: &enactments,
            settings: Settings::default(),
            now: self.now,
        })
    }

    /// The coordinator looks and writes, once.
    pub(super) fn coordinate(&mut self) -> bool {
        let plan = self.plan();
        let quiet = plan.status.is_none()
            && plan.grants.is_empty()
            && plan.revokes.is_empty()
            && plan.aborts.is_empty();
        for name in &plan.revokes {
            for enactment in self.enactments.values_mut().filter(|e| e.name == *name) {
                enactment.slot = None;
            }
        }
        for grant in &plan.grants {
            let enactment = self.enactments.get_mut(&grant.node).expect("granted to somebody");
            enactment.slot = Some(grant.generation.to_string());
        }
        for abort in &plan.aborts {
            let name = abort.enactment.clone();
            self.write(&abort.node, &EnactmentState::Aborted { enactment: &name });
        }
        if let Some(status) = plan.status {
            self.writes += 1;
            let told = status.conditions.iter().find(|c| c.is_true());
            let told = told
                .and_then(|c| c.message.clone())
                .unwrap_or_else(|| "Unknown".to_owned());
            if self.said.last() != Some(&told) {
                self.said.push(told);
            }
            self.policy.status = Some(status);
        }
        self.measure();
        !quiet
    }

    fn write(&mut self, node: &str, state: &EnactmentState<'_>) {
        let generation = self.policy.generation();
        let enactment = self.enactments.get_mut(node).expect("an enactment");
        if enactment.generation != generation {
            enactment.conditions.clear();
            enactment.generation = generation;
        }
        state.write(&mut enactment.conditions, generation, self.now);
        enactment.said = said(&enactment.conditions);
    }

    /// One node does its next step, as its process would. False if it has nothing to do.
    pub(super) fn act(&mut self, node: &str) -> bool {
        if !self.nodes.get(node).is_some_and(|view| view.handler) {
            return false;
        }
        let generation = self.policy.generation();
        let Some(enactment) = self.enactments.get(node) else {
            let new = EnactmentView {
                name: format!("{node}.p"),
                node: node.to_owned(),
                policy: "p".to_owned(),
                ..EnactmentView::default()
            };
            self.enactments.insert(node.to_owned(), new);
            return true;
        };
        let granted = enactment.is_granted(generation);
        match enactment.said {
            // An apply under way ends before the node looks at the policy again.
            Said::Progressing => self.finish(node),
            _ if enactment.generation != generation => self.write(node, &EnactmentState::waiting()),
            Said::Nothing => self.write(node, &EnactmentState::waiting()),
            Said::WaitingForSlot if granted => self.write(node, &EnactmentState::Progressing),
            Said::Retrying => self.write(node, &EnactmentState::Progressing),
            _ => return false,
        }
        self.measure();
        true
    }

    fn finish(&mut self, node: &str) {
        // The result is about the generation that was applied, not about the newest one.
        let applied = self.enactments[node].generation;
        let newest = self.policy.generation();
        let attempt = self.attempts.entry(node.to_owned()).or_default();
        let script = self.scripts.get(node).cloned().unwrap_or_else(|| vec![true]);
        let ok = script[(*attempt).min(script.len() - 1)];
        *attempt += 1;
        let failures = self.failures.entry(node.to_owned()).or_default();
        let state = if ok {
            EnactmentState::available()
        } else {
            *failures += 1;
            if *failures >= MAX_RETRIES || applied != newest {
                EnactmentState::Failing {
                    reason: FailingReason::FailedToConfigure,
                    message: "no",
                }
            } else {
                EnactmentState::Retrying {
                    node,
                    failures: *failures,
                    limit: MAX_RETRIES,
                }
            }
        };
        let enactment = self.enactments.get_mut(node).expect("an enactment");
        state.write(&mut enactment.conditions, applied, self.now);
        enactment.said = said(&enactment.conditions);
    }

    /// Nodes between first Progressing and Available, failing ones included.
    pub(super) fn between(&self) -> Vec<&str> {
        let under_way = |e: &&EnactmentView| match e.said {
            Said::Progressing | Said::Retrying => true,
            Said::Failing | Said::WaitingForSlot => e.slot.is_some(),
            _ => false,
        };
        self.enactments
            .values()
            .filter(under_way)
            .map(|e| e.node.as_str())
            .collect()
    }

    fn measure(&mut self) {
        self.most = self.most.max(self.between().len());
    }

    /// Nodes and coordinator in turn, until nobody has anything to do.
    pub(super) fn run(&mut self) {
        for _ in 0..10_000 {
            let mut busy = self.coordinate();
            for node in self.nodes.keys().cloned().collect::<Vec<_>>() {
                busy |= self.act(&node);
            }
            self.now = self.now.saturating_add(SignedDuration::from_secs(1)).unwrap();
            if !busy {
                return;
            }
        }
        panic!("the roll-out does not end: {:?}", self.all());
    }

    pub(super) fn all(&self) -> Vec<Said> {
        self.enactments.values().map(|e| e.said).collect()
    }

    pub(super) fn slots(&self) -> Vec<&str> {
        let status = self.policy.status.as_ref().expect("a status");
        status.slots.iter().map(|slot| slot.node.as_str()).collect()
    }

    pub(super) fn map(&self) -> Vec<(String, i64)> {
        let status = self.policy.status.as_ref().expect("a status");
        status.unavailable_node_count_map.clone().into_iter().collect()
    }

    pub(super) fn last(&self) -> &str {
        self.said.last().expect("the policy said something")
    }
}
