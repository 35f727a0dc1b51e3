use serde_json::Value;

use super::refuse::Problem;
use super::target::Reading;
use crate::backend::kernel::net::{Prefix, Rule, Same as _};

/// `RTPROT_STATIC`: what an administrator wrote.
const BY_PEOPLE: u8 = 4;
const MAIN_TABLE: u32 = 254;
/// Where rules without a priority are put, as nmstate counts them.
const FIRST_PRIORITY: u32 = 30_000;

/// The section `route-rules`.
pub(super) fn read(section: &Value, reading: &mut Reading<'_>) {
    for entry in section
        .get("config")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if entry.get("state").and_then(Value::as_str) == Some("absent") {
            absent(entry, reading);
            continue;
        }
        match rule(entry, reading) {
            Ok(rule) => reading.target.rules.ensure(rule),
            Err(reason) => reading
                .problems
                .add(Problem::wrong("route-rules.config".to_owned(), reason)),
        }
    }
}

fn prefix(entry: &Value, key: &str) -> Result<Option<Prefix>, String> {
    let text = entry
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty());
    text.map(str::parse).transpose()
}

fn number(entry: &Value, key: &str) -> Option<u32> {
    u32::try_from(entry.get(key)?.as_i64()?).ok()
}

fn rule(entry: &Value, reading: &Reading<'_>) -> Result<Rule, String> {
    let (from, to) = (prefix(entry, "ip-from")?, prefix(entry, "ip-to")?);
    let family = entry.get("family").and_then(Value::as_str);
    let by_prefix = from.or(to).map(|prefix| prefix.address.is_ipv6());
    let ipv6 = match family {
        Some("ipv6") => true,
        Some(_) => false,
        None => by_prefix.ok_or("a rule needs family, ip-from or ip-to")?,
    };
    let mut rule = Rule {
        ipv6,
        priority: 0,
        action: 1,
        table: number(entry, "route-table")
            .filter(|table| *table > 0)
            .unwrap_or(MAIN_TABLE),
        // `0.0.0.0/0` is no condition, and the kernel does not keep it.
        from: from.filter(|prefix| prefix.length > 0),
        to: to.filter(|prefix| prefix.length > 0),
        input: entry.get("iif").and_then(Value::as_str).map(str::to_owned),
        mark: number(entry, "fwmark"),
        mask: number(entry, "fwmask").filter(|mask| *mask != u32::MAX),
        suppress_length: number(entry, "suppress-prefix-length"),
        protocol: BY_PEOPLE,
        opaque: None,
    };
    match entry.get("action").and_then(Value::as_str) {
        None => {}
        Some(action) => {
            rule.action = match action {
                "blackhole" => 6,
                "unreachable" => 7,
                "prohibit" => 8,
                other => return Err(format!("action {other} is not known")),
            };
            rule.table = 0;
        }
    }
    rule.priority = match number(entry, "priority") {
        Some(priority) => priority,
        None => free_priority(&rule, reading),
    };
    Ok(rule)
}

/// The place of an equal rule, or the first free one.
fn free_priority(rule: &Rule, reading: &Reading<'_>) -> u32 {
    let at = |priority: u32| Rule {
        priority,
        ..rule.clone()
    };
    let equal = reading
        .now
        .rules
        .iter()
        .find(|other| other.same(&at(other.priority)));
    if let Some(equal) = equal {
        return equal.priority;
    }
    let known = || reading.now.rules.iter().chain(&reading.target.rules.ensure);
    (FIRST_PRIORITY..u32::MAX)
        .find(|priority| known().all(|other| other.priority != *priority))
        .unwrap_or(FIRST_PRIORITY)
}

/// Removes the rules that have everything the entry says.
fn absent(entry: &Value, reading: &mut Reading<'_>) {
    let (Ok(from), Ok(to)) = (prefix(entry, "ip-from"), prefix(entry, "ip-to")) else {
        let reason = "ip-from or ip-to is no prefix".to_owned();
        return reading
            .problems
            .add(Problem::wrong("route-rules.config".to_owned(), reason));
    };
    let family = entry.get("family").and_then(Value::as_str);
    let matches = |rule: &Rule| {
        family.is_none_or(|family| (family == "ipv6") == rule.ipv6)
            && from.is_none_or(|from| rule.from == Some(from))
            && to.is_none_or(|to| rule.to == Some(to))
            && number(entry, "priority").is_none_or(|priority| priority == rule.priority)
            && number(entry, "route-table")
                .filter(|t| *t > 0)
                .is_none_or(|table| table == rule.table)
            && number(entry, "fwmark").is_none_or(|mark| rule.mark == Some(mark))
            && number(entry, "fwmask").is_none_or(|mask| rule.mask.unwrap_or(u32::MAX) == mask)
            && entry
                .get("iif")
                .and_then(Value::as_str)
                .is_none_or(|link| rule.input.as_deref() == Some(link))
    };
    let now = reading.now;
    for rule in now
        .rules
        .iter()
        .filter(|rule| rule.opaque.is_none() && matches(rule))
    {
        reading.target.rules.remove(rule.clone());
    }
}
