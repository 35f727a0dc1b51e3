use std::fmt;

use crate::Family;

/// Why a text is not an entry of the grammar: names the text, what is wrong with it and what to write instead.
///
/// Long or unprintable texts are shortened and escaped, so the message always fits on a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing at all.
    #[error("an empty value is no address; write an address such as `10.0.0.5` or `2001:db8::5`")]
    Empty,
    /// White space, which is never trimmed.
    #[error("`{}` contains a blank; remove it", Shown(.value))]
    Blank {
        /// The whole text.
        value: String,
    },
    /// Not an IPv4 or IPv6 address.
    #[error("`{}` is no IP address; {}", Shown(.value), .hint)]
    Address {
        /// The text in place of the address.
        value: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// A side of a range that is no plain address.
    #[error("`{}` is no range: `{}` is no IP address; write two plain addresses such as `10.0.0.5-10.0.0.9`",
        Shown(.value), Shown(.side))]
    RangeSide {
        /// The whole text.
        value: String,
        /// The side that is wrong.
        side: String,
    },
    /// The two sides of a range belong to different families.
    #[error("`{}` mixes IPv4 and IPv6; write one range per family", Shown(.value))]
    MixedFamilies {
        /// The whole text.
        value: String,
    },
    /// The first side of a range is above the second.
    #[error("`{}` ends before it starts; write the lower address first", Shown(.value))]
    Reversed {
        /// The whole text.
        value: String,
    },
    /// The text in front of the `/` is no plain address.
    #[error("`{}` is no network: `{}` is no IP address; write it as `10.0.0.0/24` or `2001:db8::/64`",
        Shown(.value), Shown(.address))]
    CidrAddress {
        /// The whole text.
        value: String,
        /// The text in front of the last `/`.
        address: String,
    },
    /// A zone in a CIDR.
    #[error("`{}` has a zone, which a network cannot have; remove the part from `%` up to `/`", Shown(.value))]
    CidrZone {
        /// The whole text.
        value: String,
    },
    /// The text after the `/` is no prefix length of the family.
    #[error("`{}` has no valid prefix length after `/`; write a number from 0 to {} without sign or leading zeros",
        Shown(.value), .family.bits())]
    CidrLength {
        /// The whole text.
        value: String,
        /// Family of the address in front of the `/`.
        family: Family,
    },
}

/// Longest part of a bad value that is worth printing, in characters: the longest valid entry without zones has 79
/// (two full IPv6 addresses and a dash).
const SHOWN: usize = 96;

/// A value from outside, safe to print: no control or invisible characters, no surprise in length.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = SHOWN;
        for c in self.0.chars() {
            let escaped = c.escape_debug();
            // Quotes and backslashes need no escape here.
            let plain = c == ' ' || c.is_ascii_graphic();
            let Some(rest) = left.checked_sub(if plain { 1 } else { escaped.len() }) else {
                return f.write_str("…");
            };
            left = rest;
            if plain {
                write!(f, "{c}")
            } else {
                write!(f, "{escaped}")
            }?;
        }
        Ok(())
    }
}
