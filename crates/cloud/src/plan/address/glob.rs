use std::fmt;

/// A pattern for interface names: `*` is any text, `?` one character, everything else itself. Case matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Box<str>);

impl Glob {
    /// The pattern of this text. Every text is a pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.into())
    }

    /// Whether the whole name fits. Cost: O(pattern × name) at worst.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        fits(&self.0, name)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The usual two-pointer walk: on a mismatch the last `*` takes one character more.
fn fits(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    let mut last_star = None;
    loop {
        let (p, n) = (pattern.clone().next(), name.clone().next());
        match (p, n) {
            (Some('*'), _) => {
                pattern.next();
                last_star = Some((pattern.clone(), name.clone()));
            }
            (None, None) => return true,
            (Some(want), Some(have)) if want == '?' || want == have => {
                pattern.next();
                name.next();
            }
            _ => {
                let Some((after_star, taken)) = &mut last_star else {
                    return false;
                };
                if taken.next().is_none() {
                    return false;
                }
                pattern = after_star.clone();
                name = taken.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, expected) in [
            ("lo", "lo", true),
            ("lo", "lo1", false),
            ("lo", "Lo", false),
            ("dummy*", "dummy", true),
            ("dummy*", "dummyX", true),
            ("dummy*", "xdummy", false),
            ("br-????????????", "br-0123456789ab", true),
            ("br-????????????", "br-lan", false),
            ("*tap*0", "my tap 10", true),
            ("*tap*0", "my tap 11", false),
            ("a*b*c", "a-b-b-c", true),
            ("*", "", true),
            ("?", "", false),
            ("?", "ü", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(name), expected, "{pattern} and {name}");
        }
    }

    #[test]
    fn many_stars_cost_little() {
        let pattern = "a*".repeat(60) + "b";
        assert!(!Glob::new(&pattern).matches(&"a".repeat(2000)));
    }
}
