use crate::plan::settings::MatchName;

/// Whether a machine of this name may be the Node (§3.2). A machine without a name only where names do not matter.
#[must_use]
pub fn accepts(match_name: MatchName, node: &str, machine: Option<&str>) -> bool {
    match match_name {
        MatchName::Off => true,
        MatchName::Exact => machine == Some(node),
        MatchName::Prefix => machine.is_some_and(|name| name.starts_with(node)),
    }
}

/// How promising a machine's name is; the smaller, the earlier its UUID is read. Also the tie-breaker of equal UUIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// A name that is not accepted comes after every accepted one, and is read only to tell people about it.
    pub(super) refused: bool,
    likeness: Likeness,
}

impl Rank {
    /// Nothing in the name speaks for the machine.
    pub(super) fn is_other(self) -> bool {
        self.likeness == Likeness::Other
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    Equal,
    /// Equal up to the first dot: `n1` and `n1.example.com`, in either direction.
    SameHost,
    /// The machine's name starts with the Node's.
    Prefix,
    Other,
}

pub(super) fn rank(match_name: MatchName, node: &str, machine: Option<&str>) -> Rank {
    let refused = !accepts(match_name, node, machine);
    let likeness = match machine {
        Some(name) if name == node => Likeness::Equal,
        Some(name) if first_label(name) == node || name == first_label(node) => Likeness::SameHost,
        Some(name) if name.starts_with(node) => Likeness::Prefix,
        _ => Likeness::Other,
    };
    Rank { refused, likeness }
}

/// The name up to its first dot.
pub(super) fn first_label(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tried_from_the_likeliest_on() {
        let rank = |name| rank(MatchName::Prefix, "n1", Some(name));
        let order = ["n1", "n1.example.com", "n1-clone", "n2"];
        assert!(order.windows(2).all(|pair| rank(pair[0]) < rank(pair[1])));
        assert!(rank("n2").refused && !rank("n1-clone").refused);
        let fqdn = super::rank(MatchName::Prefix, "n1.example.com", Some("n1"));
        assert!(fqdn.refused && fqdn.likeness == Likeness::SameHost);
        assert!(!super::rank(MatchName::Off, "n1", None).refused);
        assert!(super::rank(MatchName::Exact, "n1", Some("n1-clone")).refused);
    }
}
