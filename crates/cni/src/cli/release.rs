//! `cni release`: gives an address back, or all of a container. Never those of a sandbox that is alive.

use std::ffi::OsString;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::args::{Args, Fail, Spec};
use super::output::Format;
use super::render;
use super::state::{Held, Life};
use super::survey::Survey;
use crate::json::Json;
use crate::store::{Found, Store};

const SPEC: Spec = Spec {
    values: &["--data-dir", "--conf-dir", "--network", "-o"],
    flags: &["--yes"],
    arguments: 1,
};

pub(super) fn run(written: &[OsString]) -> Result<u8, Fail> {
    let args = Args::parse(SPEC, written)?;
    let format = Format::read(&args)?;
    let name = args.argument("the address or the container id to release")?;
    let survey = Survey::read(&args)?;
    let found = survey.called(name)?;
    refuse_what_is_unclear(name, &found)?;
    if !args.has("--yes") && !is_wanted(&found)? {
        return Err(Fail::no("nothing was released"));
    }
    let (released, failed) = release_each(&found);
    // What was released is told also when the next one was not.
    format.print(|| json(&released), || text(&released))?;
    failed.map_or(Ok(0), Err)
}

/// What was released, and what went wrong with the first that was not.
fn release_each<'a>(found: &[&'a Held]) -> (Vec<&'a Held>, Option<Fail>) {
    let mut released = Vec::new();
    for held in found {
        if let Err(fail) = release(held) {
            return (released, Some(fail));
        }
        released.push(*held);
    }
    (released, None)
}

fn text(released: &[&Held]) -> String {
    let lines = released
        .iter()
        .map(|held| format!("released {}\n", held.sentence()));
    lines.collect()
}

fn json(released: &[&Held]) -> Json {
    let items = released.iter().map(|held| render::held(held));
    render::object([("released", Some(Json::List(items.collect())))])
}

/// All or nothing: what is alive, and names that mean several things.
fn refuse_what_is_unclear(name: &str, found: &[&Held]) -> Result<(), Fail> {
    if let Some(alive) = found.iter().find(|held| matches!(held.life, Life::Alive(_))) {
        let (held, why) = (alive.sentence(), alive.life.why());
        return Err(Fail::no(format!(
            "{held} is in use: {why}; delete the pod, its runtime then gives the address back"
        )));
    }
    if let Some(held) = found.iter().find(|held| held.entry.found == Found::Other) {
        return Err(Fail::no(format!(
            "{} is no regular file, so no plugin made it; look at it and remove it by hand",
            held.file().display()
        )));
    }
    let is_address = addr::parse_address(name).is_ok();
    let other = found.iter().skip(1).find(|held| match found.first() {
        Some(first) if is_address => (&first.network, &first.data_dir) != (&held.network, &held.data_dir),
        Some(first) => first.holder.id() != held.holder.id(),
        None => false,
    });
    match (other, found.first()) {
        (Some(other), Some(first)) => Err(Fail::no(format!(
            "{name} is {} and {}; say which with --network, or write more of the id",
            first.sentence(),
            other.sentence()
        ))),
        _ => Ok(()),
    }
}

/// Asks on a terminal. Where nobody can answer, the answer is no.
fn is_wanted(found: &[&Held]) -> Result<bool, Fail> {
    let what: Vec<String> = found
        .iter()
        .map(|held| format!("{} ({}: {})", held.sentence(), held.life.word(), held.life.why()))
        .collect();
    let what = what.join(", ");
    if !io::stdin().is_terminal() {
        return Err(Fail::no(format!("would release {what}; say --yes to do it")));
    }
    let _ = write!(io::stderr(), "release {what}? [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|e| Fail::unknown(format!("cannot read the answer: {e}; say --yes")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Under the lock, and only what was looked at: it may be another container's by now.
fn release(held: &Held) -> Result<(), Fail> {
    let changed = || {
        Fail::no(format!(
            "{} has changed meanwhile and was not released; look again",
            held.sentence()
        ))
    };
    let store = Store::open(&held.data_dir, &held.network)?.ok_or_else(changed)?;
    let mut session = store.session()?;
    let released = session.release_entry(&held.entry)?;
    session.end();
    if released { Ok(()) } else { Err(changed()) }
}
