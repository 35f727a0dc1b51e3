//! Runs (a) to (f) of spec cni-ipam §10.3: the allocator, next to the reference.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use crate::driver::{Sample, floor};
use crate::place::{Ground, Place, Programs, Side};
use crate::stats::{Series, median, milliseconds};
use crate::table::{fact, row};

/// Processes at once in run (c).
const IN_FLIGHT: usize = 64;

/// ADDs of run (c).
const PARALLEL: usize = 640;

/// What a pair of series says: the reference's, ours.
pub(crate) type Pair = [Series; 2];

fn grounds(place: Place, programs: &Programs, ranges: &Value) -> Result<[Ground; 2]> {
    let [theirs, ours] = Side::BOTH.map(|side| Ground::new(place, programs, side, ranges));
    Ok([theirs?, ours?])
}

/// Prints both lines of a pair.
pub(crate) fn rows(run: &str, place: Place, pair: &Pair) {
    for (side, series) in Side::BOTH.into_iter().zip(pair) {
        row(run, place, side.name(), series);
    }
}

/// Run (a): ADD on an empty store, the floor beside it.
pub(crate) fn adds(place: Place, programs: &Programs, count: usize) -> Result<(Series, Pair)> {
    let grounds = grounds(place, programs, &json!([[{"subnet": "10.0.0.0/24"}]]))?;
    let (mut bare, mut pair) = (Series::default(), Pair::default());
    for _ in 0..count {
        bare.push(floor()?);
        for (ground, series) in grounds.iter().zip(&mut pair) {
            series.push(ground.job("ADD", "c1").succeed()?);
            ground.job("DEL", "c1").succeed()?;
        }
    }
    row("(a) /bin/true", place, "floor", &bare);
    rows("(a) ADD, empty", place, &pair);
    Ok((bare, pair))
}

/// Runs (b), (e) and (f): many ADDs one after another, then CHECKs, then DELs. Returns the ADDs.
pub(crate) fn many(
    place: Place,
    programs: &Programs,
    name: &str,
    ranges: &Value,
    count: usize,
) -> Result<Pair> {
    let grounds = grounds(place, programs, ranges)?;
    let mut added = Pair::default();
    for (verb, runs) in [("ADD", count), ("CHECK", count.min(100)), ("DEL", count)] {
        let mut pair = Pair::default();
        for number in 0..runs {
            let id = format!("c{number}");
            for (ground, series) in grounds.iter().zip(&mut pair) {
                series.push(ground.job(verb, &id).succeed()?);
            }
        }
        rows(&format!("{name} {verb}"), place, &pair);
        if verb == "ADD" {
            let ours = &pair[1];
            let growth = ours.part(count.saturating_sub(50), 50).cpu(0.5) / ours.part(0, 50).cpu(0.5);
            fact(
                name,
                place,
                "ours",
                &format!("last 50 ADDs took {growth:.2} times the CPU of the first 50"),
            );
            added = pair;
        }
    }
    Ok(added)
}

/// One round of run (c): how long all took, each ADD, and that all addresses differ.
fn crowd(place: Place, programs: &Programs, side: Side) -> Result<(f64, Series)> {
    let ground = Ground::new(place, programs, side, &json!([[{"subnet": "10.0.0.0/22"}]]))?;
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::<(Sample, String)>::new()));
    let started = Instant::now();
    let work = |hand: usize| -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= PARALLEL {
                return Ok(());
            }
            let job = ground
                .job("ADD", &format!("c{number}"))
                .output_in(&format!("hand-{hand}.json"));
            let sample = job.succeed()?;
            let answer = job.answer()?;
            done.lock()
                .map_err(|_| anyhow!("a hand panicked"))?
                .push((sample, answer));
        }
    };
    thread::scope(|scope| {
        let hands: Vec<_> = (0..IN_FLIGHT)
            .map(|hand| scope.spawn(move || work(hand)))
            .collect();
        hands
            .into_iter()
            .try_for_each(|hand| hand.join().map_err(|_| anyhow!("a hand panicked"))?)
    })?;
    let total = milliseconds(started.elapsed());
    let done = done.into_inner().map_err(|_| anyhow!("a hand panicked"))?;
    let mut series = Series::default();
    let mut distinct = BTreeSet::new();
    for (sample, answer) in done {
        series.push(sample);
        let result: Value = serde_json::from_str(&answer)?;
        distinct.insert(
            result["ips"][0]["address"]
                .as_str()
                .context("no address")?
                .to_owned(),
        );
    }
    ensure!(
        distinct.len() == PARALLEL,
        "only {} of {PARALLEL} addresses differ",
        distinct.len()
    );
    Ok((total, series))
}

/// Run (c): the reference's total divided by ours, and ours' 99th percentile.
pub(crate) fn parallel(place: Place, programs: &Programs, rounds: usize) -> Result<(f64, f64)> {
    let (mut totals, mut pair) = ([Vec::new(), Vec::new()], Pair::default());
    for _ in 0..rounds {
        for (index, side) in Side::BOTH.into_iter().enumerate() {
            let (total, series) = crowd(place, programs, side)?;
            totals[index].push(total);
            pair[index].extend(series);
        }
    }
    rows("(c) 64 at once", place, &pair);
    let [theirs, ours] = totals.map(median);
    fact(
        "(c) 640 ADDs",
        place,
        "both",
        &format!("reference {theirs:.0} ms, ours {ours:.0} ms, all distinct"),
    );
    Ok((theirs / ours, pair[1].wall(0.99)))
}
