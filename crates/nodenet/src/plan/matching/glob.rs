//! Names with wildcards: `*`, `?` and `[a-c]` (spec §17.2).

use std::fmt;

/// A pattern for a whole text: `*` any text, `?` one character, `[a-c]` one of a range, `[!a]` none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Exactly(char),
    One,
    Any,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// A pattern that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pattern {0:?} has a '[' that no ']' ends; write '[[]' for the character itself")]
pub struct GlobError(String);

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A `[` without its `]`.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        let chars: Vec<char> = text.chars().collect();
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(c) = chars.get(at) {
            at += 1;
            parts.push(match c {
                '*' => Part::Any,
                '?' => Part::One,
                '[' => {
                    // A ']' right after the opening is a member.
                    let negated = matches!(chars.get(at), Some('!' | '^'));
                    let start = at + usize::from(negated);
                    let end = chars
                        .iter()
                        .skip(start + 1)
                        .position(|c| *c == ']')
                        .map(|n| start + 1 + n);
                    let end = end.ok_or_else(|| GlobError(text.to_owned()))?;
                    at = end + 1;
                    Part::Set {
                        negated,
                        ranges: ranges(&chars[start..end]),
                    }
                }
                c => Part::Exactly(*c),
            });
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// Whether the whole of `text` fits. Cost: O(pattern × text).
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.fits(text, |a, b| a == b)
    }

    /// As [`Self::matches`], in any case: for MAC addresses.
    #[must_use]
    pub fn matches_ignoring_case(&self, text: &str) -> bool {
        self.fits(text, |a, b| a.eq_ignore_ascii_case(&b))
    }

    fn fits(&self, text: &str, same: impl Fn(char, char) -> bool) -> bool {
        let chars: Vec<char> = text.chars().collect();
        // reached[n]: the parts so far fit the first n characters.
        let mut reached = vec![false; chars.len() + 1];
        reached[0] = true;
        for part in &self.parts {
            let mut next = vec![false; chars.len() + 1];
            if *part == Part::Any {
                let first = reached.iter().position(|fits| *fits);
                next.iter_mut()
                    .skip(first.unwrap_or(usize::MAX))
                    .for_each(|fits| *fits = true);
            } else {
                for (n, c) in chars.iter().enumerate().filter(|(n, _)| reached[*n]) {
                    next[n + 1] = part.takes(*c, &same);
                }
            }
            reached = next;
        }
        reached[chars.len()]
    }
}

impl Part {
    fn takes(&self, c: char, same: &impl Fn(char, char) -> bool) -> bool {
        match self {
            Self::Exactly(wanted) => same(*wanted, c),
            Self::One | Self::Any => true,
            Self::Set { negated, ranges } => {
                let within = |c: char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
                let other = if c.is_ascii_lowercase() {
                    c.to_ascii_uppercase()
                } else {
                    c.to_ascii_lowercase()
                };
                (within(c) || (same(c, other) && within(other))) != *negated
            }
        }
    }
}

fn ranges(members: &[char]) -> Vec<(char, char)> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(from) = members.get(at) {
        match members.get(at + 1..at + 3) {
            Some(['-', to]) => {
                ranges.push((*from, *to));
                at += 3;
            }
            _ => {
                ranges.push((*from, *from));
                at += 1;
            }
        }
    }
    ranges
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_texts() {
        for (pattern, fit, other) in [
            ("eth1", vec!["eth1"], vec!["eth10", "veth1", ""]),
            ("eth*", vec!["eth", "eth10"], vec!["veth0"]),
            ("*", vec!["", "x"], vec![]),
            ("en?s[0-3]*", vec!["enps0", "enps3f1"], vec!["ens0", "enps4"]),
            ("[!a-c]x", vec!["dx"], vec!["ax", "x"]),
            ("[]]x[a-]", vec!["]xa", "]x-"], vec!["ax-"]),
            ("a**b*c", vec!["abc", "axxbyyc"], vec!["abcd"]),
        ] {
            let glob = Glob::parse(pattern).unwrap();
            for text in fit {
                assert!(glob.matches(text), "{pattern} fits {text:?}");
            }
            for text in other {
                assert!(!glob.matches(text), "{pattern} does not fit {text:?}");
            }
        }
    }

    #[test]
    fn mac_addresses_fit_in_any_case() {
        let glob = Glob::parse("52:54:00:a[a-c]:*").unwrap();
        assert!(glob.matches_ignoring_case("52:54:00:AB:01:02"));
        assert!(!glob.matches("52:54:00:AB:01:02"));
        assert!(!glob.matches_ignoring_case("52:54:00:AD:01:02"));
    }

    #[test]
    fn an_open_bracket_is_refused_by_name() {
        assert!(Glob::parse("eth[0").unwrap_err().to_string().contains("eth[0"));
        assert!(Glob::parse("[]").is_err());
    }
}
