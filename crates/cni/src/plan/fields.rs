//! Reading typed fields out of an object, with errors that name the field.

use super::parse_ip;
use crate::error::Error;
use crate::json::{Json, Object};
use std::net::IpAddr;

/// Most ranges, and most addresses asked for, in one configuration.
pub(super) const MAX_ITEMS: usize = 4096;

/// A member that must be of one kind; absent and `null` are `None`.
pub(super) fn object<'a>(of: &'a Object, path: &str, key: &str) -> Result<Option<&'a Object>, Error> {
    typed(of, path, key, "an object", Json::as_object)
}

pub(super) fn list<'a>(of: &'a Object, path: &str, key: &str) -> Result<Option<&'a [Json]>, Error> {
    typed(of, path, key, "a list", Json::as_list)
}

pub(super) fn text<'a>(of: &'a Object, path: &str, key: &str) -> Result<Option<&'a str>, Error> {
    typed(of, path, key, "a string", Json::as_str)
}

pub(super) fn boolean(of: &Object, path: &str, key: &str) -> Result<Option<bool>, Error> {
    typed(of, path, key, "true or false", |value| match value {
        Json::Bool(value) => Some(*value),
        _ => None,
    })
}

/// An integer; a fraction or an exponent is refused, as the replaced plugin does.
pub(super) fn integer(of: &Object, path: &str, key: &str) -> Result<Option<i64>, Error> {
    typed(of, path, key, "an integer", |value| match value {
        Json::Number(number) => number.as_i64(),
        _ => None,
    })
}

/// An address; an empty text counts as absent (spec §4.1).
pub(super) fn ip(of: &Object, path: &str, key: &str) -> Result<Option<IpAddr>, Error> {
    match text(of, path, key)? {
        None | Some("") => Ok(None),
        Some(written) => {
            let refused = || invalid_ip(&member(path, key), written);
            parse_ip(written).map(Some).ok_or_else(refused)
        }
    }
}

/// The words of spec §4.1; which field it is stands in the details.
pub(super) fn invalid_ip(path: &str, written: &str) -> Error {
    let remedy = format!("{path}: write an address, such as 10.0.0.1 or 2001:db8::1");
    Error::allocator(format!("invalid IP address: {written}")).with_details(remedy)
}

/// The words of spec §4.1; which field it is stands in the details.
pub(super) fn invalid_cidr(path: &str, written: &str) -> Error {
    let remedy = format!("{path}: write address/length, such as 10.0.0.0/24 or 2001:db8::/64");
    Error::allocator(format!("invalid CIDR address: {written}")).with_details(remedy)
}

/// Where a member of the object at `path` stands.
pub(super) fn member(path: &str, key: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{key}")
}

/// The list at `path` is longer than any that makes sense: ours are compared item by item.
///
/// # Errors
/// Code 999.
pub(super) fn check_length(path: &str, length: usize) -> Result<(), Error> {
    if length > MAX_ITEMS {
        let msg = format!("{path} has more than {MAX_ITEMS} items; write ranges that touch as one");
        return Err(Error::allocator(msg));
    }
    Ok(())
}

/// What stands at `path` is of the wrong kind.
pub(super) fn wrong_kind(path: &str, wanted: &str, found: &Json) -> Error {
    Error::allocator(format!("{path} must be {wanted}, not a {}", found.kind()))
}

fn typed<'a, T>(
    of: &'a Object,
    path: &str,
    key: &str,
    wanted: &str,
    read: impl FnOnce(&'a Json) -> Option<T>,
) -> Result<Option<T>, Error> {
    let Some(value) = of.get(key) else {
        return Ok(None);
    };
    let wrong = || wrong_kind(&member(path, key), wanted, value);
    read(value).map(Some).ok_or_else(wrong)
}
