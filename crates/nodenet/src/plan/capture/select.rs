//! Which items of a list a comparison keeps.

use regex::Regex;
use serde_json::{Map, Value};

use super::lookup::{text, value_at};

/// One comparison, with its right side known.
pub(super) enum Test<'a> {
    /// `==`; no text stands for `null`, which only an empty text equals.
    Equal(Option<&'a str>),
    /// `!=`; no text stands for `null`: the property is there and not empty.
    NotEqual(Option<&'a str>),
    /// `=~`
    Match(&'a Regex),
}

impl Test<'_> {
    /// Whether `item` is kept. Where the path leads through a list, one element that fits is enough; `!=` keeps what
    /// `==` leaves out, so there no element may fit, and a missing property is unequal to any text.
    pub(super) fn keeps(&self, item: &Map<String, Value>, path: &[String]) -> bool {
        let value = value_at(path, item, "", 0).ok();
        match self {
            Self::Equal(wanted) => {
                value.is_some_and(|value| any(&value, &|v| equal(v, wanted.unwrap_or_default())))
            }
            Self::NotEqual(Some(wanted)) => !value.is_some_and(|value| any(&value, &|v| equal(v, wanted))),
            Self::NotEqual(None) => {
                value.is_some_and(|value| any(&value, &|v| !v.is_null() && !text(v).is_empty()))
            }
            Self::Match(regex) => value.is_some_and(|value| any(&value, &|v| regex.is_match(&text(v)))),
        }
    }
}

fn any(value: &Value, fits: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any(item, fits)),
        value => fits(value),
    }
}

/// Text for text; MAC addresses in any case, ours (spec §8 R).
fn equal(value: &Value, wanted: &str) -> bool {
    let found = text(value);
    found == wanted || (is_mac(&found) && is_mac(wanted) && found.eq_ignore_ascii_case(wanted))
}

/// Six or more groups of two hexadecimal digits: InfiniBand has twenty.
pub(crate) fn is_mac(text: &str) -> bool {
    let groups: Vec<&str> = text.split(':').collect();
    groups.len() >= 6
        && groups
            .iter()
            .all(|group| group.len() == 2 && group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
