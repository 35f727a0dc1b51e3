use std::net::IpAddr;

use super::{CidrItem, GuestAddress, Provided, ProvidedError, Use, provided, sort};
use crate::plan::facts::{AddressKind, NodeAddress};
use crate::plan::notice::{Notice, Reason};
use crate::plan::settings::{NetworkSettings, Semantics};
use crate::plan::verdict::Verdict;

/// Where the addresses besides the provided ones come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence<'a> {
    /// Mode `default`: nobody is asked, and no list of networks has an effect.
    NotAsked,
    /// A guest reported these, now or when it was last heard.
    Guest(&'a [GuestAddress]),
    /// Nobody could be asked: what the Node has now stands, with the types it has.
    Previous,
}

/// Everything an address plan is made from, besides the rules.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The Node's name.
    pub hostname: &'a str,
    /// Kubelet's annotation, raw.
    pub provided: Option<&'a str>,
    /// `status.addresses` as it is.
    pub previous: &'a [NodeAddress],
    /// What is known besides.
    pub evidence: Evidence<'a>,
}

/// A Node's addresses, and how they came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPlan {
    /// The whole list, in order.
    pub addresses: Vec<NodeAddress>,
    /// Which rule did what.
    pub verdicts: Vec<Verdict>,
    /// Events for the Node.
    pub notices: Vec<Notice>,
    /// For the log, once per text and Node.
    pub warnings: Vec<String>,
}

impl AddressPlan {
    /// Number of entries that hold an IP address.
    #[must_use]
    pub fn ip_count(&self) -> usize {
        self.addresses.iter().filter(|entry| entry.kind.is_ip()).count()
    }
}

/// Makes a Node's list of addresses (§5). The same inputs always give the same list.
///
/// # Errors
/// When the annotation cannot be followed: a new Node stays uninitialised, an old one keeps its addresses.
pub fn plan(inputs: &Inputs<'_>, rules: &NetworkSettings) -> Result<AddressPlan, ProvidedError> {
    let provided = Provided::read(inputs.provided)?;
    let mut draft = Draft::new(inputs.hostname, rules);
    draft.add_provided(&provided::candidates(inputs.provided, &provided), inputs.evidence);
    match inputs.evidence {
        Evidence::NotAsked => {}
        Evidence::Guest(found) => found.iter().for_each(|address| draft.add_guest(address)),
        Evidence::Previous => draft.add_previous(inputs.previous),
    }
    if inputs.evidence != Evidence::NotAsked {
        draft.sort();
    }
    draft.finish(inputs, &provided)
}

/// A plan in the making.
struct Draft<'a> {
    rules: &'a NetworkSettings,
    candidates: Vec<NodeAddress>,
    verdicts: Vec<Verdict>,
    warnings: Vec<String>,
}

impl<'a> Draft<'a> {
    fn new(hostname: &str, rules: &'a NetworkSettings) -> Self {
        let candidates = vec![NodeAddress::new(AddressKind::Hostname, hostname)];
        Self {
            rules,
            candidates,
            verdicts: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Provided addresses are internal whatever the lists say, and cannot be dropped unless asked for (D6).
    fn add_provided(&mut self, addresses: &[IpAddr], evidence: Evidence<'_>) {
        for ip in addresses {
            let ignored = if evidence == Evidence::NotAsked {
                None
            } else {
                self.ignoring(*ip)
            };
            match (ignored, self.rules.semantics) {
                (Some(item), Semantics::Upstream) => {
                    self.note(
                        "provided address",
                        ip,
                        format_args!("dropped by {} (upstream semantics)", item.text),
                    );
                    continue;
                }
                (Some(item), Semantics::Documented) => {
                    let text = &item.text;
                    self.warnings.push(format!(
                        "rule {text} would drop {ip}, which kubelet provides; it is kept, because a Node without its own \
                         address cannot work; remove the rule or change --node-ip"
                    ));
                    self.note(
                        "provided address",
                        ip,
                        format_args!("InternalIP; {text} cannot drop it"),
                    );
                }
                (None, _) => self.note("provided address", ip, "InternalIP"),
            }
            self.push(NodeAddress::new(AddressKind::InternalIp, &ip.to_string()));
        }
    }

    fn add_guest(&mut self, found: &GuestAddress) {
        let ip = found.ip;
        let input = format!("{} {ip}", found.interface);
        let (kind, because) = match self.rules.external.external(ip, self.rules.semantics) {
            Use::Negated(item) => {
                return self.note(
                    "external_ip_cidrs",
                    input,
                    format_args!("dropped by {}", item.text),
                );
            }
            Use::Plain(item) => (AddressKind::ExternalIp, Some(item)),
            Use::None => (AddressKind::InternalIp, None),
        };
        if let Some(item) = self.rules.sort.ignoring(ip, self.rules.semantics) {
            return self.note("ip_sort_order", input, format_args!("dropped by {}", item.text));
        }
        match because {
            Some(item) => self.note(
                "external_ip_cidrs",
                input,
                format_args!("ExternalIP by {}", item.text),
            ),
            None => self.note("guest address", input, "InternalIP"),
        }
        self.push(NodeAddress::new(kind, &ip.to_string()));
    }

    /// No rule is applied again: whatever was published stays, because silence changes nothing (§5.8).
    fn add_previous(&mut self, previous: &[NodeAddress]) {
        for entry in previous.iter().filter(|entry| entry.kind.is_ip()) {
            self.note("last known good", entry, "kept");
            self.push(entry.clone());
        }
    }

    /// The rule of either list that drops this address.
    fn ignoring(&self, ip: IpAddr) -> Option<&'a CidrItem> {
        let rules = self.rules;
        match rules.external.external(ip, rules.semantics) {
            Use::Negated(item) => Some(item),
            Use::Plain(_) | Use::None => rules.sort.ignoring(ip, rules.semantics),
        }
    }

    fn push(&mut self, entry: NodeAddress) {
        if !self.candidates.contains(&entry) {
            self.candidates.push(entry);
        }
    }

    fn sort(&mut self) {
        let before = self.candidates.clone();
        sort(&mut self.candidates, &self.rules.sort, self.rules.semantics);
        if before != self.candidates {
            let order = list(&self.candidates);
            self.note("ip_sort_order", "all candidates", order);
        }
    }

    fn finish(mut self, inputs: &Inputs<'_>, provided: &Provided) -> Result<AddressPlan, ProvidedError> {
        let addresses = super::apply_rule(&self.candidates, provided.addresses())
            .map_err(|ip| provided::unmatched(inputs.provided, ip))?;
        for left_out in self.candidates.iter().filter(|entry| !addresses.contains(entry)) {
            let result = "left out: only provided addresses are of this type";
            self.verdicts
                .push(Verdict::new("provided-node-ip rule", left_out, result));
        }
        let notices = no_internal_ip(inputs.evidence, &addresses);
        Ok(AddressPlan {
            addresses,
            verdicts: self.verdicts,
            notices,
            warnings: self.warnings,
        })
    }

    fn note(&mut self, rule: &'static str, input: impl std::fmt::Display, result: impl std::fmt::Display) {
        self.verdicts.push(Verdict::new(rule, input, result));
    }
}

/// The rules left nothing internal of what the guest has; published as configured, but told (§5.5).
fn no_internal_ip(evidence: Evidence<'_>, addresses: &[NodeAddress]) -> Vec<Notice> {
    let Evidence::Guest([first, ..]) = evidence else {
        return Vec::new();
    };
    if addresses
        .iter()
        .any(|entry| entry.kind == AddressKind::InternalIp)
    {
        return Vec::new();
    }
    vec![Notice::warning(
        Reason::NoInternalIp,
        format!(
            "the guest reports usable addresses, {} first, but external_ip_cidrs and ip_sort_order leave no InternalIP; \
             kube-apiserver may not reach the kubelet",
            first.ip
        ),
    )]
}

/// A list of addresses on one line.
pub(in crate::plan) fn list(entries: &[NodeAddress]) -> String {
    entries
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
