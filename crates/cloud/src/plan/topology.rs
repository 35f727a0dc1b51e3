//! In which zone and groups is a machine? (§9)

use runtime::answer::Answer;

use super::facts::{Affinity, is_label_value};
use super::notice::{Notice, Reason};
use super::settings::Settings;
use super::verdict::Verdict;

/// Where a machine is, as far as it can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The zone. `None`: nobody can say, so what the Node has stays, and a new Node has to wait.
    pub zone: Option<String>,
    /// The groups of its host, sorted. `None`: not known or not wanted, so labels stay as they are.
    pub groups: Option<Vec<Box<str>>>,
    /// Why there is no zone.
    pub notice: Option<Notice>,
    /// How it came about.
    pub verdicts: Vec<Verdict>,
}

/// Places a machine that runs on `host` now. `new`: the Node has no zone yet.
#[must_use]
pub fn place(settings: &Settings, host: &str, affinity: &Answer<Vec<Affinity>>, new: bool) -> Topology {
    let mut verdicts = Vec::new();
    let groups = groups(host, affinity, &mut verdicts);
    let (zone, notice) = if settings.ha_group {
        group_zone(settings, host, &groups, new)
    } else {
        (Ok(host.to_owned()), None)
    };
    let zone = match zone {
        Ok(zone) => {
            verdicts.push(Verdict::new("zone", format_args!("host {host}"), &zone));
            Some(zone)
        }
        Err(why) => {
            verdicts.push(Verdict::new(
                "zone",
                format_args!("host {host}"),
                format_args!("not known: {why}"),
            ));
            None
        }
    };
    let groups = groups.ok().filter(|_| settings.ha_labels);
    Topology {
        zone,
        groups,
        notice,
        verdicts,
    }
}

/// Groups that name the host, whatever machines are their members.
fn groups(
    host: &str,
    affinity: &Answer<Vec<Affinity>>,
    verdicts: &mut Vec<Verdict>,
) -> Result<Vec<Box<str>>, String> {
    let all = match affinity {
        Answer::Known(all) => all.as_slice(),
        Answer::Absent => &[],
        Answer::Unknown(why) => {
            verdicts.push(Verdict::new(
                "HA groups",
                format_args!("host {host}"),
                format_args!("not known: {why}"),
            ));
            return Err(why.clone());
        }
    };
    let names_host = |affinity: &&Affinity| affinity.hosts.iter().any(|one| &**one == host);
    let mut names: Vec<Box<str>> = Vec::new();
    for affinity in all.iter().filter(names_host) {
        // The name becomes a label's name and a label's value; both have one form.
        if is_label_value(&affinity.name) {
            names.push(affinity.name.clone());
        } else {
            verdicts.push(Verdict::new(
                "HA groups",
                &affinity.name,
                "left out: the name cannot be part of a label",
            ));
        }
    }
    names.sort_unstable();
    names.dedup();
    verdicts.push(Verdict::new(
        "HA groups",
        format_args!("host {host}"),
        names.join(", "),
    ));
    Ok(names)
}

type Zone = Result<String, String>;

/// The zone with `ha_group: true`: the first group, never silently something else.
fn group_zone(
    settings: &Settings,
    host: &str,
    groups: &Result<Vec<Box<str>>, String>,
    new: bool,
) -> (Zone, Option<Notice>) {
    let why = match groups {
        Ok(names) => match names.first() {
            Some(first) => return (Ok(first.to_string()), None),
            None if new && settings.ha_group_fallback_host => return (Ok(host.to_owned()), None),
            None => format!("host {host} is in no HA group or node-affinity rule"),
        },
        Err(why) => format!("HA groups and rules could not be read: {why}"),
    };
    let text = if new && groups.is_err() {
        format!("no zone: {why}, and ha_group is set; grant Sys.Audit on /, or wait until the region answers")
    } else if new {
        format!(
            "no zone: {why}, and ha_group is set; add the host to a group, or set features.ha_group_fallback: host to use \
             the host's name"
        )
    } else {
        format!("the zone stays as it is: {why}")
    };
    (Err(why), Some(Notice::warning(Reason::NoHaGroup, text)))
}
