use super::report::Report;
use super::section::Section;
use super::yaml::Kind;
use crate::plan::address::{CidrItem, CidrList, Glob, InterfaceFilter};
use crate::plan::settings::{Mode, NetworkSettings, NicMatch, Semantics};

const MODES: [(&str, Mode); 3] = [
    ("default", Mode::Default),
    ("auto", Mode::Auto),
    ("qemu", Mode::Qemu),
];

/// Keys that people found in a document directly under `features`, where the replaced controller ignores them.
const MISPLACED: [&str; 4] = [
    "mode",
    "external_ip_cidrs",
    "ipv6_support_disabled",
    "ip_sort_order",
];

/// Reads `features.network`, also in its two misleading forms: a mode alone, and its keys one level too high.
///
/// Returns what counts, and what the replaced controller would read.
pub(super) fn read(
    features: &mut Section<'_>,
    report: &mut Report,
) -> (NetworkSettings, Result<NetworkSettings, String>) {
    let short = short_form(features, report);
    let mut network = match short {
        Some(_) => Section::new("features.network", None, report),
        None => features.section("network", report),
    };
    let misplaced = misplaced(features, &mut network, report);
    let defaults = NetworkSettings::default();
    let elsewhere = misplaced.clone();
    let mut at = Places {
        features,
        network: &mut network,
        misplaced,
    };

    let mode = short
        .or_else(|| at.of("mode").choice("mode", &MODES, report))
        .unwrap_or_default();
    let external = at.cidrs("external_ip_cidrs", report);
    let ipv6_disabled = at
        .of("ipv6_support_disabled")
        .switch("ipv6_support_disabled", false, report);
    let sort = at.cidrs("ip_sort_order", report);

    let words = [
        ("documented", Semantics::Documented),
        ("upstream", Semantics::Upstream),
    ];
    let semantics = network.choice("cidr_semantics", &words, report);
    let settings = NetworkSettings {
        mode,
        external,
        sort,
        semantics: semantics.unwrap_or_default(),
        ipv6_disabled,
        interfaces: interfaces(&mut network, report),
        nic_match: network
            .choice(
                "nic_match",
                &[("off", NicMatch::Off), ("mac", NicMatch::Mac)],
                report,
            )
            .unwrap_or_default(),
        keep_ula: keep("ipv6_ula", &mut network, report),
        keep_ipv4_link_local: keep("ipv4_link_local", &mut network, report),
        guest_timeout: network.duration("guest_timeout", defaults.guest_timeout, report),
    };
    network.finish(report);
    warn_about_lists(&settings, semantics.is_some(), report);
    let upstream = if short.is_some() {
        Err("features.network is a single word, which it takes for a wrong type".to_owned())
    } else {
        Ok(without(&settings, &elsewhere))
    };
    (settings, upstream)
}

/// The settings without the keys that stand where the replaced controller does not look.
fn without(settings: &NetworkSettings, misplaced: &[&str]) -> NetworkSettings {
    let mut seen = settings.clone();
    for key in misplaced {
        match *key {
            "mode" => seen.mode = Mode::default(),
            "external_ip_cidrs" => seen.external = CidrList::default(),
            "ip_sort_order" => seen.sort = CidrList::default(),
            _ => seen.ipv6_disabled = false,
        }
    }
    seen
}

/// `network: auto` instead of `network: {mode: auto}`.
fn short_form(features: &mut Section<'_>, report: &mut Report) -> Option<Mode> {
    let value = features.value("network")?;
    let Kind::Scalar { text, .. } = &value.kind else {
        return None;
    };
    report.warning(format!(
        "line {}: features.network is a single word; it is taken as features.network.mode, write it there",
        value.line
    ));
    let mode = features.choice("network", &MODES, report);
    // A word that is no mode was reported; the default keeps the rest readable.
    mode.or_else(|| (!text.is_empty()).then_some(Mode::Default))
}

/// Which keys stand only one level too high.
fn misplaced(
    features: &mut Section<'_>,
    network: &mut Section<'_>,
    report: &mut Report,
) -> Vec<&'static str> {
    let mut found = Vec::new();
    for key in MISPLACED {
        if features.value(key).is_none() {
            continue;
        }
        let line = features.line(key);
        if network.value(key).is_some() {
            report.warning(format!(
                "line {line}: features.{key} is ignored, because features.network.{key} is there too; remove it"
            ));
        } else {
            report.warning(format!(
                "line {line}: features.{key} belongs to features.network.{key}; it is honoured, move it"
            ));
            found.push(key);
        }
    }
    found
}

/// Where each key is read from.
struct Places<'s, 'a> {
    features: &'s mut Section<'a>,
    network: &'s mut Section<'a>,
    misplaced: Vec<&'static str>,
}

impl<'a> Places<'_, 'a> {
    fn of(&mut self, key: &str) -> &mut Section<'a> {
        if self.misplaced.contains(&key) {
            self.features
        } else {
            self.network
        }
    }

    fn cidrs(&mut self, key: &'static str, report: &mut Report) -> CidrList {
        // Asking the right place makes the key known; the wrong place was asked before.
        self.network.value(key);
        let section = self.of(key);
        let (list, refused) = CidrList::parse(section.text(key, report).unwrap_or_default());
        for item in refused {
            report.warning(format!(
                "line {}: item \"{item}\" of {} is no network and is skipped; write it as 10.0.0.0/8 or !10.0.0.0/8",
                section.line(key),
                section.name(key)
            ));
        }
        list
    }
}

fn interfaces(network: &mut Section<'_>, report: &mut Report) -> InterfaceFilter {
    let mut section = network.section("interfaces", report);
    let mut globs = |key| section.texts(key, report).into_iter().map(Glob::new).collect();
    let (exclude, include) = (globs("exclude"), globs("include"));
    let exclude_defaults = section.switch("exclude_defaults", true, report);
    section.finish(report);
    InterfaceFilter {
        exclude_defaults,
        exclude,
        include,
    }
}

fn keep(key: &'static str, network: &mut Section<'_>, report: &mut Report) -> bool {
    network
        .choice(key, &[("drop", false), ("keep", true)], report)
        .unwrap_or_default()
}

/// Tells people when their lists do nothing, or something else than with the replaced controller (§5.5).
fn warn_about_lists(settings: &NetworkSettings, chosen: bool, report: &mut Report) {
    let lists = !settings.external.is_empty() || !settings.sort.is_empty();
    if lists && !settings.mode.asks_guest() {
        report
            .warning("external_ip_cidrs and ip_sort_order have no effect in mode default; set mode to qemu");
    } else if let Some(difference) = semantics_differ(settings).filter(|_| !chosen) {
        report.warning(difference);
    }
}

/// Both meanings of the lists, if they differ.
fn semantics_differ(settings: &NetworkSettings) -> Option<String> {
    let mut parts = Vec::new();
    if !settings.sort.is_empty() {
        let meaning = |semantics| {
            let (first, dropped) = sort_meaning(&settings.sort, semantics);
            format!("puts {first} first and drops {dropped}")
        };
        parts.push(format!(
            "ip_sort_order {}; the replaced controller {}",
            meaning(Semantics::Documented),
            meaning(Semantics::Upstream)
        ));
    }
    let negated = texts(settings.external.items().iter().filter(|item| item.negated));
    if negated != NOTHING {
        parts.push(format!(
            "external_ip_cidrs drops {negated}; in the replaced controller these items have no effect"
        ));
    }
    (!parts.is_empty()).then(|| {
        format!(
            "{}; set features.network.cidr_semantics to documented or upstream to choose",
            parts.join("; ")
        )
    })
}

const NOTHING: &str = "nothing";

/// What an `ip_sort_order` puts first, and what it drops.
fn sort_meaning(list: &CidrList, semantics: Semantics) -> (String, String) {
    let dropped = match semantics {
        Semantics::Upstream if list.contradicts_itself() => texts(std::iter::empty()),
        Semantics::Upstream => texts(list.items().iter().filter(|item| !item.negated)),
        Semantics::Documented => texts(list.items().iter().filter(|item| item.negated)),
    };
    (texts(list.priorities(semantics)), dropped)
}

fn texts<'a>(items: impl Iterator<Item = &'a CidrItem>) -> String {
    let all: Vec<&str> = items.map(|item| item.text.trim_start_matches('!')).collect();
    if all.is_empty() {
        NOTHING.to_owned()
    } else {
        all.join(", ")
    }
}
