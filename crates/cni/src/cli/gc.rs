//! `cni gc`: gives back what belongs to no sandbox any more, by the rules the plugins themselves use (spec §11.1,
//! §11.2). Whoever cannot be judged keeps their address.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::args::{Args, Fail, Spec};
use super::check::plural;
use super::output::Format;
use super::state::{Held, Holder, Life};
use super::survey::{NetworkView, Survey};
use super::{render, table};
use crate::json::Json;
use crate::store::{Reservation, Session, Store};

const SPEC: Spec = Spec {
    values: &["--data-dir", "--conf-dir", "--network", "-o"],
    flags: &["--dry-run", "--before-boot"],
    arguments: 0,
};

/// A reservation that goes, and why.
struct Dropped<'a> {
    held: &'a Held,
    why: &'static str,
}

pub(super) fn run(written: &[OsString]) -> Result<u8, Fail> {
    let args = Args::parse(SPEC, written)?;
    let format = Format::read(&args)?;
    let survey = Survey::read(&args)?;
    let mut dropped = Vec::new();
    for network in &survey.networks {
        dropped.extend(collect(
            network,
            args.has("--dry-run"),
            args.has("--before-boot"),
        )?);
    }
    let kept = survey.held().count() - dropped.len();
    format.print(
        || json(&dropped, kept, args.has("--dry-run")),
        || text(&dropped, kept, args.has("--dry-run")),
    )?;
    Ok(0)
}

fn collect(network: &NetworkView, dry_run: bool, before_boot: bool) -> Result<Vec<Dropped<'_>>, Fail> {
    // Without reservations there is nothing to lock for.
    let Some(store) = Store::open(&network.data_dir, &network.name)?.filter(|_| !network.held.is_empty())
    else {
        return Ok(Vec::new());
    };
    let mut session = store.session()?;
    let stale = stale(&session, !network.survives_boot, before_boot);
    let named = |name: &str| network.held.iter().find(|held| held.entry.name == name);
    let mut dropped = Vec::new();
    for (name, (reservation, why)) in &stale {
        // What appeared since the survey is young, and what is seen in use is not stale, whatever was recorded.
        let Some(held) = named(name).filter(|held| !matches!(held.life, Life::Alive(_))) else {
            continue;
        };
        if !dry_run {
            session.release(reservation)?;
        }
        dropped.push(Dropped { held, why });
    }
    let torn = network.held.iter().filter(|held| held.holder == Holder::Torn);
    for held in torn.filter(|held| !stale.contains_key(&held.entry.name)) {
        if dry_run || session.release_entry(&held.entry)? {
            dropped.push(Dropped {
                held,
                why: "empty file",
            });
        }
    }
    session.end();
    Ok(dropped)
}

/// By file name, so that nothing goes twice.
fn stale(
    session: &Session<'_>,
    after_boot: bool,
    before_boot: bool,
) -> BTreeMap<String, (Reservation, &'static str)> {
    let mut stale = BTreeMap::new();
    let mut add = |found: Vec<Reservation>, why| {
        for reservation in found {
            stale
                .entry(reservation.name.clone())
                .or_insert((reservation, why));
        }
    };
    add(session.abandoned(), "its network namespace is gone");
    if after_boot {
        add(session.from_before_boot(), "from before the last boot");
    }
    // A person has said it, and knows better than a configuration.
    if before_boot {
        add(session.older_than_boot(), "from before the last boot");
    }
    stale
}

fn text(dropped: &[Dropped<'_>], kept: usize, dry_run: bool) -> String {
    let rows: Vec<_> = dropped
        .iter()
        .map(|Dropped { held, why }| {
            let age = table::age(held.age);
            [
                held.network.clone(),
                held.address.to_string(),
                held.holder.short(),
                age,
                (*why).to_owned(),
            ]
        })
        .collect();
    let mut text = table::render(["NETWORK", "ADDRESS", "CONTAINER", "AGE", "REASON"], &rows);
    let done = if dry_run { "would be released" } else { "released" };
    text.push_str(&format!(
        "{} {done}, {kept} kept\n",
        plural(dropped.len(), "reservation")
    ));
    text
}

fn json(dropped: &[Dropped<'_>], kept: usize, dry_run: bool) -> Json {
    let items = dropped.iter().map(|Dropped { held, why }| {
        render::object([
            ("reservation", Some(render::held(held))),
            ("reason", render::text(*why)),
        ])
    });
    render::object([
        ("dryRun", Some(Json::Bool(dry_run))),
        ("released", Some(Json::List(items.collect()))),
        ("kept", Some(Json::Number(kept.into()))),
    ])
}
