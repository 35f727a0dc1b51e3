use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value whose type cannot be relied on. Never an error: what is no scalar counts as missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::source::proxmox) enum Scalar {
    /// Missing, `null`, a list or an object.
    #[default]
    Absent,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that is not negative.
    Whole(u64),
    /// Any other number.
    Real(f64),
    /// A text.
    Text(String),
}

impl Scalar {
    /// The value as text, numbers in decimal; `None` when missing.
    pub(in crate::source::proxmox) fn text(&self) -> Option<String> {
        match self {
            Self::Absent => None,
            Self::Bool(value) => Some(u8::from(*value).to_string()),
            Self::Whole(value) => Some(value.to_string()),
            Self::Real(value) => Some(value.to_string()),
            Self::Text(text) => Some(text.clone()),
        }
    }

    /// The value if it was sent as text.
    pub(in crate::source::proxmox) fn into_string(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as whole number; a fraction is rounded up, what is negative or no number counts as missing.
    pub(in crate::source::proxmox) fn whole(&self) -> Option<u64> {
        match self {
            Self::Whole(value) => Some(*value),
            Self::Real(value) => round_up(*value),
            Self::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| text.parse().ok().and_then(round_up))
            }
            Self::Absent | Self::Bool(_) => None,
        }
    }

    /// Whether the value says yes: 1, `true`, or a text that says so.
    pub(in crate::source::proxmox) fn flag(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Text(text) => matches!(text.as_str(), "1" | "true" | "yes" | "on"),
            other => other.whole().is_some_and(|value| value != 0),
        }
    }
}

fn round_up(value: f64) -> Option<u64> {
    // 2^53: above it a floating point number is not exact any more.
    let usable = (0.0..=9_007_199_254_740_992.0).contains(&value);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked above"
    )]
    usable.then(|| value.ceil() as u64)
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScalar)
    }
}

struct AnyScalar;

impl<'de> Visitor<'de> for AnyScalar {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(u64::try_from(value).map_or_else(|_| Scalar::Text(value.to_string()), Scalar::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Absent)
    }

    fn visit_none<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Absent)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(json: &str) -> Scalar {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_may_be_texts_and_fractions_are_rounded_up() {
        for (json, whole) in [
            ("4", Some(4)),
            ("\"4\"", Some(4)),
            ("\" 8192 \"", Some(8192)),
            ("1.5", Some(2)),
            ("\"1.5\"", Some(2)),
            ("0.0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("-1", None),
            ("1e300", None),
            ("\"x\"", None),
            ("null", None),
            ("[1,[2]]", None),
            ("{\"a\":{}}", None),
        ] {
            assert_eq!(scalar(json).whole(), whole, "{json}");
        }
    }

    #[test]
    fn a_flag_is_set_by_one_true_or_a_text_that_says_so() {
        for yes in ["1", "\"1\"", "true", "\"true\"", "2"] {
            assert!(scalar(yes).flag(), "{yes}");
        }
        for no in ["0", "\"0\"", "false", "null", "\"\"", "[]", "\"no\""] {
            assert!(!scalar(no).flag(), "{no}");
        }
    }

    #[test]
    fn every_scalar_has_a_text() {
        assert_eq!(scalar("true").text().as_deref(), Some("1"));
        assert_eq!(scalar("8192").text().as_deref(), Some("8192"));
        assert_eq!(scalar("1.5").text().as_deref(), Some("1.5"));
        assert_eq!(scalar("\"a\"").text().as_deref(), Some("a"));
        assert_eq!(scalar("[]").text(), None);
    }
}
