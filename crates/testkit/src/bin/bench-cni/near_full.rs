//! Run (d) of spec cni-ipam §10.3: a /16 with one free address, or none.

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::native::Pair;
use crate::place::{Ground, Place, Programs, Side};
use crate::stats::Series;
use crate::table::{fact, row};

/// The one address that is free: somewhere in the middle.
const FREE: &str = "10.0.128.7";

/// The one before it.
const BEFORE: &str = "10.0.128.6";

/// Where the search begins, and whether it finds anything.
#[derive(Clone, Copy, Debug)]
enum Search {
    /// The free address is the next.
    Next,
    /// It is the last after going round.
    Wrap,
    /// There is none.
    Exhausted,
}

/// What run (d) found.
#[derive(Debug)]
pub(crate) struct NearFull {
    /// The worst median of ours over the three searches, in milliseconds.
    pub(crate) worst: f64,
    /// Peak memory of ours, in bytes.
    pub(crate) memory: u64,
    /// The first ADD of ours on a directory that others filled: every file is read, in milliseconds.
    pub(crate) cold: f64,
    /// Peak memory of ours at that, in bytes.
    pub(crate) cold_memory: u64,
    /// STATUS of ours with no address free, in milliseconds.
    pub(crate) status: f64,
}

/// Measures; `reference_runs` are few, because each takes seconds.
pub(crate) fn near_full(
    place: Place,
    programs: &Programs,
    runs: usize,
    reference_runs: usize,
) -> Result<NearFull> {
    let mut result = NearFull {
        worst: 0.0,
        memory: 0,
        cold: 0.0,
        cold_memory: 0,
        status: 0.0,
    };
    for (side, runs) in Side::BOTH.into_iter().zip([reference_runs, runs]) {
        let ground = full(place, programs, side)?;
        let cold = ground.job("ADD", "cold").succeed()?;
        ground.job("DEL", "cold").succeed()?;
        let cold_ms = crate::stats::milliseconds(cold.wall);
        fact(
            "(d) first ADD ever",
            place,
            side.name(),
            &format!("{cold_ms:.1} ms"),
        );
        for search in [Search::Next, Search::Wrap, Search::Exhausted] {
            let [adds, dels] = search_runs(&ground, search, runs)?;
            row(&format!("(d) /16, {search:?}"), place, side.name(), &adds);
            if dels.len() > 0 {
                row(&format!("(d) /16, {search:?}, DEL"), place, side.name(), &dels);
            }
            if side == Side::Ours {
                result.worst = result.worst.max(adds.wall(0.5));
            }
        }
        let memory = ground.job("ADD", "memory").peak_memory()?;
        fact(
            "(d) peak memory",
            place,
            side.name(),
            &format!("{} KiB", memory >> 10),
        );
        if side == Side::Ours {
            result.memory = memory;
            result.cold = cold_ms;
            ground.job("DEL", "memory").succeed()?;
            ground.forget()?;
            result.cold_memory = ground.job("ADD", "memory").peak_memory()?;
            let text = format!("{} KiB", result.cold_memory >> 10);
            fact("(d) peak memory, no index", place, side.name(), &text);
            // The last free address is taken now.
            result.status = full_status(&ground, runs)?;
            let text = format!("{:.1} ms", result.status);
            fact("(d) STATUS, full", place, side.name(), &text);
        }
    }
    Ok(result)
}

/// The median of STATUS on a range without a free address, in milliseconds.
fn full_status(ground: &Ground, runs: usize) -> Result<f64> {
    let job = ground.status()?;
    let mut series = Series::default();
    for _ in 0..runs {
        let sample = job.measure()?;
        ensure!(
            !sample.ok && job.answer()?.contains("no IP addresses available"),
            "STATUS of a full range: {}",
            job.answer()?
        );
        series.push(sample);
    }
    Ok(series.wall(0.5))
}

/// A /16 with every address but [`FREE`] reserved.
fn full(place: Place, programs: &Programs, side: Side) -> Result<Ground> {
    let ground = Ground::new(place, programs, side, &json!([[{"subnet": "10.0.0.0/16"}]]))?;
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 2));
    for number in 0..65_533 {
        let address = Ipv4Addr::from(first + number).to_string();
        if address != FREE {
            ground.reserve(&address)?;
        }
    }
    Ok(ground)
}

/// The ADDs of one search, and the DELs that undo them.
fn search_runs(ground: &Ground, search: Search, runs: usize) -> Result<Pair> {
    let [mut adds, mut dels] = Pair::default();
    if matches!(search, Search::Exhausted) {
        ground.job("ADD", "taker").succeed()?;
    }
    for _ in 0..runs {
        match search {
            Search::Next => ground.set_last(BEFORE)?,
            Search::Wrap | Search::Exhausted => ground.set_last(FREE)?,
        }
        let add = ground.job("ADD", "seeker").measure()?;
        ensure!(
            add.ok != matches!(search, Search::Exhausted),
            "{search:?}: ADD succeeded: {}",
            add.ok
        );
        adds.push(add);
        if add.ok {
            dels.push(ground.job("DEL", "seeker").succeed()?);
        }
    }
    if matches!(search, Search::Exhausted) {
        ground.job("DEL", "taker").succeed()?;
    }
    Ok([adds, Series::clone(&dels)])
}
