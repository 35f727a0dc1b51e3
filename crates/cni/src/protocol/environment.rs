use std::ffi::{OsStr, OsString};

use super::{Command, Invocation};
use crate::error::{Error, code};

/// What the environment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `CNI_COMMAND` is not set: a person looks what this is.
    Nothing,
    /// VERSION: nothing but the command is looked at.
    Version,
    /// A command for the plugin.
    Call(Invocation),
    /// No command we know; reported after the configuration was checked.
    Unknown(String),
}

/// Reads the variables in the order of the table in spec §2.1; an empty value counts as absent.
///
/// # Errors
/// Code 4: the first required value that is malformed, or else all that are missing.
pub fn request(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Request, Error> {
    let value = |name: &str| variable(name).filter(|value| !value.is_empty());
    let Some(command) = value("CNI_COMMAND") else {
        return Ok(Request::Nothing);
    };
    if command == "VERSION" {
        return Ok(Request::Version);
    }
    let Some(command) = command.to_str().and_then(Command::from_name) else {
        return Ok(Request::Unknown(command.to_string_lossy().into_owned()));
    };
    let (container_id, netns, ifname) = (value("CNI_CONTAINERID"), value("CNI_NETNS"), value("CNI_IFNAME"));
    let path = value("CNI_PATH");

    let attachment = command.has_attachment();
    let mut missing = Vec::new();
    let mut require = |name: &'static str, value: &Option<OsString>, needed: bool| {
        if needed && value.is_none() {
            missing.push(name);
        }
    };
    require("CNI_CONTAINERID", &container_id, attachment);
    require(
        "CNI_NETNS",
        &netns,
        matches!(command, Command::Add | Command::Check),
    );
    require("CNI_IFNAME", &ifname, attachment);
    require("CNI_PATH", &path, command != Command::Status);

    let container_id = attachment.then_some(container_id).flatten();
    let ifname = attachment.then_some(ifname).flatten();
    let container_id = container_id.map(|id| valid_id(&id)).transpose()?;
    let ifname = ifname.map(|name| valid_ifname(&name)).transpose()?;
    if !missing.is_empty() {
        let missing = missing.join(",");
        return Err(environment(format!("required env variables [{missing}] missing")));
    }
    Ok(Request::Call(Invocation {
        command,
        container_id: container_id.unwrap_or_default(),
        netns,
        ifname: ifname.unwrap_or_default(),
        args: value("CNI_ARGS").map_or_else(String::new, |args| args.to_string_lossy().into_owned()),
        path: path.map_or_else(Vec::new, |path| std::env::split_paths(&path).collect()),
        netns_override: value("CNI_NETNS_OVERRIDE").is_some_and(|value| is_yes(&value)),
    }))
}

/// A container id or a network name (spec §2.1): also what keeps either from leaving its directory.
pub(super) fn is_identifier(text: &str) -> bool {
    let inside = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-');
    text.bytes().all(inside)
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
}

fn valid_id(id: &OsStr) -> Result<String, Error> {
    match id.to_str() {
        Some(id) if is_identifier(id) => Ok(id.to_owned()),
        _ => Err(environment("invalid characters in containerID").with_details(id.to_string_lossy())),
    }
}

/// Interface names are bytes to the kernel; those we accept are also text.
fn valid_ifname(name: &OsStr) -> Result<String, Error> {
    if name.len() > 15 {
        return Err(environment("interface name is too long")
            .with_details("interface name should be less than 16 characters"));
    }
    let Some(name) = name.to_str() else {
        return Err(environment("interface name is not UTF-8").with_details(name.to_string_lossy()));
    };
    if matches!(name, "." | "..") {
        return Err(environment("interface name is . or .."));
    }
    if name.contains(|c: char| matches!(c, '/' | ':') || c.is_whitespace()) {
        return Err(environment(
            "interface name contains / or : or whitespace characters",
        ));
    }
    Ok(name.to_owned())
}

fn is_yes(value: &OsStr) -> bool {
    value == "1" || value.eq_ignore_ascii_case("true")
}

fn environment(msg: impl Into<String>) -> Error {
    Error::new(code::ENVIRONMENT, msg)
}
