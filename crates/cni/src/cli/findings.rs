//! What is wrong with the reservations of a node: pure, from a [`Survey`] to sentences.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use super::state::{Held, Holder, Life};
use super::survey::{NetworkView, Survey};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Pods fail, now or soon.
    Error,
    /// Addresses are lost, or a person has to look.
    Warning,
    /// Good to know.
    Note,
}

/// Which rule. The names are for programs and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A range set has no free address: the next ADD fails.
    RangeFull,
    /// Networks with one data directory have reserved the same address.
    Duplicate,
    /// The sandbox of a reservation is gone.
    Leak,
    /// A file that is nobody's: no DEL removes it.
    NobodysFile,
    /// Something that is no readable file takes an address.
    Blocked,
    /// A file without a single byte: a writer died.
    TornFile,
    /// The name of a file is another spelling of an address.
    OddName,
    /// A reservation lies outside the ranges of its network.
    OutsideRanges,
}

impl Kind {
    /// All of them.
    #[cfg(test)]
    pub(super) const ALL: [Self; 8] = [
        Self::RangeFull,
        Self::Duplicate,
        Self::Leak,
        Self::NobodysFile,
        Self::Blocked,
        Self::TornFile,
        Self::OddName,
        Self::OutsideRanges,
    ];

    pub(super) fn severity(self) -> Severity {
        match self {
            Self::RangeFull => Severity::Error,
            Self::Duplicate | Self::Leak | Self::NobodysFile | Self::Blocked => Severity::Warning,
            Self::TornFile | Self::OddName | Self::OutsideRanges => Severity::Note,
        }
    }

    /// What to do about it.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::RangeFull => "widen the range, or give back what leaked: cni gc --dry-run shows it",
            Self::Duplicate => "give each network ranges of its own, unless the networks never meet",
            Self::Leak => "cni gc gives it back",
            Self::NobodysFile => "look into the file; cni release gives the address back",
            Self::Blocked => "remove it by hand when you know what it is",
            Self::TornFile => "nothing: the next ADD clears it away",
            Self::OddName => "nothing: DEL removes it with its container",
            Self::OutsideRanges => {
                "nothing: it is from before the ranges were changed, and DEL gives it back"
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) kind: Kind,
    pub(super) network: String,
    /// What exactly.
    pub(super) text: String,
}

/// Everything that is wrong, worst first.
pub(super) fn findings(survey: &Survey) -> Vec<Finding> {
    let mut found: Vec<Finding> = survey.networks.iter().flat_map(of_network).collect();
    found.extend(duplicates(survey));
    found.sort();
    found
}

fn finding(kind: Kind, network: &str, text: String) -> Finding {
    Finding {
        severity: kind.severity(),
        kind,
        network: network.to_owned(),
        text,
    }
}

fn of_network(network: &NetworkView) -> impl Iterator<Item = Finding> {
    let full = network
        .ranges
        .iter()
        .filter(|counted| counted.free == 0)
        .map(|counted| {
            let (set, total) = (&counted.set, counted.total);
            finding(
                Kind::RangeFull,
                &network.name,
                format!("no free address in {set}: all {total} are taken"),
            )
        });
    full.chain(network.held.iter().filter_map(|held| of_file(network, held)))
}

/// The worst thing about one file.
fn of_file(network: &NetworkView, held: &Held) -> Option<Finding> {
    let path = held.file();
    let outside = || {
        let inside = network
            .ranges
            .iter()
            .any(|counted| counted.set.range_of(held.address).is_some());
        !network.ranges.is_empty() && !inside
    };
    let (kind, text) = match (&held.holder, &held.life) {
        (Holder::Torn, _) => (Kind::TornFile, format!("{} is empty", path.display())),
        (Holder::Blocked(what), _) => (Kind::Blocked, format!("{}: {what}", path.display())),
        (Holder::Nobody(text), _) => (Kind::NobodysFile, format!("{} holds \"{text}\"", path.display())),
        (_, Life::Gone(why)) => (Kind::Leak, format!("{}: {why}", held.sentence())),
        _ if held.entry.name != held.address.to_string() => {
            (Kind::OddName, format!("{} is {}", path.display(), held.address))
        }
        _ if outside() => (Kind::OutsideRanges, held.sentence()),
        _ => return None,
    };
    Some(finding(kind, &network.name, text))
}

/// Two networks of one data directory with the same address.
fn duplicates(survey: &Survey) -> impl Iterator<Item = Finding> {
    let mut holders: BTreeMap<(&Path, IpAddr), Vec<&Held>> = BTreeMap::new();
    for held in survey.held().filter(|held| held.holder.id().is_some()) {
        holders
            .entry((&held.data_dir, held.address))
            .or_default()
            .push(held);
    }
    holders.into_iter().filter_map(|((_, address), held)| {
        let networks: std::collections::BTreeSet<&str> =
            held.iter().map(|held| held.network.as_str()).collect();
        let first = networks.first()?;
        let all: Vec<&str> = networks.iter().copied().collect();
        (networks.len() > 1).then(|| {
            finding(
                Kind::Duplicate,
                first,
                format!("{address} is reserved in {}", all.join(" and ")),
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_is_explained_in_the_documentation() {
        let page = include_str!("../../../../docs/cni.md");
        let rows = page
            .lines()
            .skip_while(|line| *line != "## Findings of `cni check`")
            .skip(1);
        let rows = rows
            .take_while(|line| !line.starts_with('#'))
            .filter_map(|line| line.strip_prefix("| `"));
        let explained: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        assert_eq!(explained, Kind::ALL.map(|kind| kind.to_string()));
    }
}
