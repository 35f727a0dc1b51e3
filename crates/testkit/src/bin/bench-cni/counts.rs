//! Runs (h) and (i) of spec cni-ipam §10.3, and memory: what does not depend on how busy the machine is.

use anyhow::Result;
use serde_json::{Map, Value, json};
use testkit::cni::{Dice, KillReport, kill_loop};

use crate::place::{Ground, Place, Programs, Side};
use crate::table::fact;

/// Run (h) for ours.
pub(crate) fn kills(place: Place, programs: &Programs, enough: usize) -> Result<KillReport> {
    let folder = place.folder()?;
    let report = kill_loop(
        &programs.ours,
        &folder.path().join("data"),
        enough,
        Dice::seeded("kill loop"),
    )?;
    let text = format!(
        "{} of {} runs killed, {} halfway; {} addresses twice, {} torn, {} lost, {} left",
        report.killed,
        report.runs,
        report.halfway,
        report.duplicates.len(),
        report.torn.len(),
        report.lost.len(),
        report.left.len()
    );
    fact("(h) kill loop", place, "ours", &text);
    Ok(report)
}

/// Run (i): system calls of one ADD with this many reservations present.
pub(crate) fn system_calls(place: Place, programs: &Programs) -> Result<Value> {
    let mut counts = Map::new();
    for present in [0_u32, 1_000, 10_000] {
        for side in Side::BOTH {
            let ground = Ground::new(place, programs, side, &json!([[{"subnet": "10.0.0.0/16"}]]))?;
            for number in 0..present {
                let address = std::net::Ipv4Addr::from(0x0a00_0002 + number);
                ground.reserve(&address.to_string())?;
            }
            // The first ADD after a change by others may read more; what counts is every one after it.
            ground.job("ADD", "first").succeed()?;
            let calls = ground.job("ADD", "counted").system_calls()?;
            fact(
                &format!("(i) system calls, {present}"),
                place,
                side.name(),
                &calls.to_string(),
            );
            counts.insert(format!("{}_{present}", side.name()), json!(calls));
        }
    }
    Ok(Value::Object(counts))
}

/// Peak memory of one ADD on a small store, in bytes: the reference's, ours.
pub(crate) fn memory(place: Place, programs: &Programs) -> Result<[u64; 2]> {
    let [theirs, ours] = Side::BOTH.map(|side| -> Result<u64> {
        let ground = Ground::new(place, programs, side, &json!([[{"subnet": "10.0.0.0/24"}]]))?;
        ground.job("ADD", "first").succeed()?;
        let bytes = ground.job("ADD", "memory").peak_memory()?;
        fact("peak memory", place, side.name(), &format!("{} KiB", bytes >> 10));
        Ok(bytes)
    });
    Ok([theirs?, ours?])
}
