//! CHECK: is everything as ADD left it? (spec §4.7)

use std::net::IpAddr;

use super::{RangeSet, fields, parse_cidr};
use crate::error::Error;
use crate::json::{Json, Object};

/// The addresses of `prevResult.ips`; none when there is no previous result.
///
/// # Errors
/// Code 999: a member of the wrong kind, or a malformed address.
pub fn previous(document: &Object) -> Result<Vec<IpAddr>, Error> {
    let Some(result) = fields::object(document, "", "prevResult")? else {
        return Ok(Vec::new());
    };
    let ips = fields::list(result, "prevResult", "ips")?.unwrap_or_default();
    let read = |(i, ip): (usize, &Json)| {
        let path = format!("prevResult.ips[{i}]");
        let of = ip
            .as_object()
            .ok_or_else(|| fields::wrong_kind(&path, "an object", ip))?;
        let address = fields::text(of, &path, "address")?.unwrap_or_default();
        let refused = || fields::invalid_cidr(&fields::member(&path, "address"), address);
        let cidr = parse_cidr(address).ok_or_else(refused)?;
        Ok(cidr.address)
    };
    ips.iter().enumerate().map(read).collect()
}

/// Whether the reservations `owned` by the attachment are what the previous result says: at least one, and all of
/// `previous` that lie in our ranges.
///
/// # Errors
/// Code 999.
pub fn verdict(sets: &[RangeSet], previous: &[IpAddr], owned: &[IpAddr], id: &str) -> Result<(), Error> {
    let ours = |address: &&IpAddr| sets.iter().any(|set| set.range_of(**address).is_some());
    let kept = previous
        .iter()
        .filter(ours)
        .all(|address| owned.contains(address));
    if kept && !owned.is_empty() {
        return Ok(());
    }
    Err(Error::allocator(format!(
        "host-local: Failed to find address added by container {id}"
    )))
}
