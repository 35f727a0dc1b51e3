use std::net::IpAddr;

use super::{parse_cidr, parse_ip};
use crate::error::Error;

/// What `CNI_ARGS` says to the allocator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// `IP=`: the address asked for. A prefix length is ignored.
    pub ip: Option<IpAddr>,
}

impl Args {
    /// Reads `K=V;K=V` (spec §4.1). An empty text is fine; of repeated keys the last one counts.
    ///
    /// # Errors
    /// Code 999: a part without exactly one `=`, a bad value of `IP` or `IgnoreUnknown`, or an unknown key while
    /// `IgnoreUnknown` is not on.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (mut args, mut ignore_unknown, mut unknown) = (Self::default(), false, Vec::new());
        let parts = if text.is_empty() {
            None
        } else {
            Some(text.split(';'))
        };
        for pair in parts.into_iter().flatten() {
            match split(pair)? {
                ("IP", "") => args.ip = None,
                ("IP", ip) => args.ip = Some(requested(ip).map_err(|why| bad_value(pair, &why))?),
                ("IgnoreUnknown", value) => {
                    ignore_unknown = yes_or_no(value).map_err(|why| bad_value(pair, &why))?;
                }
                _ => unknown.push(quoted(pair)),
            }
        }
        if ignore_unknown || unknown.is_empty() {
            return Ok(args);
        }
        Err(Error::allocator(format!(
            "ARGS: unknown args [{}]",
            unknown.join(" ")
        )))
    }
}

/// An address asked for: `IP` or `IP/len`, the length without meaning.
pub(super) fn requested(text: &str) -> Result<IpAddr, String> {
    let found = match parse_cidr(text) {
        Some(cidr) => Some(cidr.address),
        None => parse_ip(text),
    };
    found.ok_or_else(|| format!("invalid IP address {text}"))
}

fn split(pair: &str) -> Result<(&str, &str), Error> {
    match pair.split_once('=') {
        Some((key, value)) if !value.contains('=') => Ok((key, value)),
        _ => Err(Error::allocator(format!("ARGS: invalid pair {}", quoted(pair)))),
    }
}

fn yes_or_no(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(format!("boolean unmarshal error: invalid input {value}")),
    }
}

fn bad_value(pair: &str, why: &str) -> Error {
    Error::allocator(format!(
        "ARGS: error parsing value of pair {}: {why}",
        quoted(pair)
    ))
}

/// In double quotes, with `"`, `\` and what cannot be printed escaped.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}
