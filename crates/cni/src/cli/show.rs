//! `cni show`: everything about an address or a container.

use std::ffi::OsString;

use super::args::{Args, Fail};
use super::list::SPEC;
use super::output::Format;
use super::state::{Held, Holder};
use super::survey::Survey;
use super::{args::Spec, render, table};
use crate::json::Json;

pub(super) fn run(written: &[OsString]) -> Result<u8, Fail> {
    let args = Args::parse(Spec { arguments: 1, ..SPEC }, written)?;
    let format = Format::read(&args)?;
    let name = args.argument("an address or a container id")?;
    let survey = Survey::read(&args)?;
    let found = survey.called(name)?;
    let list = || Json::List(found.iter().map(|held| render::held(held)).collect());
    format.print(
        || render::object([("reservations", Some(list()))]),
        || found.iter().map(|held| text(held)).collect::<Vec<_>>().join("\n"),
    )?;
    Ok(0)
}

fn text(held: &Held) -> String {
    let holder = match &held.holder {
        Holder::Container { id, .. } => id.clone(),
        Holder::Nobody(content) => format!("nobody; the file holds \"{content}\""),
        Holder::Torn => "nobody; the file is empty and the next ADD uses the address".to_owned(),
        Holder::Blocked(why) => format!("nobody; {why}"),
    };
    let sandbox = format!("{}: {}", held.life.word(), held.life.why());
    let lines = [
        ("address", held.address.to_string()),
        ("network", held.network.clone()),
        ("container", holder),
        (
            "interface",
            held.holder.ifname().unwrap_or("not recorded").to_owned(),
        ),
        ("age", table::age(held.age)),
        ("sandbox", sandbox),
        ("file", held.file().display().to_string()),
    ];
    lines
        .iter()
        .map(|(name, value)| format!("{name:<12}{value}\n"))
        .collect()
}
