//! Reading typed fields out of an object, with errors that name the field.

use super::parse_ip;
use crate::error::Error;
use crate::json::{Json, Object};
use std::net::IpAddr;

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
        Some(written) => parse_ip(written).map(Some).ok_or_else(|| invalid_ip(written)),
    }
}

pub(super) fn invalid_ip(written: &str) -> Error {
    Error::allocator(format!("invalid IP address: {written}"))
}

pub(super) fn invalid_cidr(written: &str) -> Error {
    Error::allocator(format!("invalid CIDR address: {written}"))
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
    let wrong = || {
        let dot = if path.is_empty() { "" } else { "." };
        wrong_kind(&format!("{path}{dot}{key}"), wanted, value)
    };
    read(value).map(Some).ok_or_else(wrong)
}
