//! Of which node an answer of the API server was, and whether it still counts (spec cni-ipam §5.5, §6.4, §14.8).

/// Seconds for which the API server is not asked again after it could not be, so that a burst of calls waits once.
/// As long as a changed annotation may stay unseen anyway.
const RETRY_PAUSE: u64 = 10;

/// Where and when an answer was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Name of the node.
    pub node: String,
    /// UID of the node: another one means another node of that name.
    pub uid: String,
    /// machine-id(5) of the machine that asked; empty when it has none. A disk may be copied to another machine.
    pub machine: String,
    /// Which start of that machine it was; empty when it did not say.
    pub boot: String,
    /// Seconds since 1970.
    pub time: u64,
    /// When it was last tried, in vain, to read the node again; seconds since 1970, 0 when never.
    pub tried: u64,
}

/// What is known of this machine without a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// The lines of `/etc/machine-id`; none where that file is missing: then any machine is this one.
    pub machines: Vec<String>,
    /// Which start of the machine this is; empty when it does not say.
    pub boot: String,
    /// Name of the node, where the configuration, the environment or the kubeconfig says it.
    pub node: Option<String>,
    /// Seconds since 1970.
    pub now: u64,
}

/// Whether a remembered answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may be used without a question.
    Fresh,
    /// It is this node's, but old, or from before the machine's last start: the node is read again, if it can be.
    Old,
    /// It is another node's. Using it would hand out addresses twice.
    Foreign,
}

impl Reading {
    /// What it is worth here. `ttl` is the number of seconds after which it is old; `None` means never.
    ///
    /// One from the future is old, for the clock was wrong then or is now.
    #[must_use]
    pub fn standing(&self, here: &Here, ttl: Option<u64>) -> Standing {
        let same_machine = here.machines.is_empty() || here.machines.contains(&self.machine);
        let same_node = here.node.as_ref().is_none_or(|node| *node == self.node);
        if !same_machine || !same_node {
            return Standing::Foreign;
        }
        // Between two starts a machine may have left the cluster and joined it again, or have been copied.
        let same_boot = here.boot.is_empty() || here.boot == self.boot;
        let age = here.now.checked_sub(self.time);
        let young = ttl.is_none_or(|ttl| age.is_some_and(|age| age < ttl));
        if same_boot && young {
            Standing::Fresh
        } else {
            Standing::Old
        }
    }

    /// Whose it is, for a message that says why it does not count.
    #[must_use]
    pub fn whose(&self, here: &Here) -> String {
        match &here.node {
            Some(node) if *node != self.node => format!("of node {}", self.node),
            _ => format!("of node {} on another machine", self.node),
        }
    }

    /// Whether the API server may be asked: not when it could not be a moment ago.
    #[must_use]
    pub fn may_ask(&self, now: u64) -> bool {
        now.checked_sub(self.tried)
            .is_none_or(|since| since >= RETRY_PAUSE)
    }

    /// Whether both are of the same node object.
    #[must_use]
    pub fn is_of_same_node(&self, other: &Self) -> bool {
        (&self.node, &self.uid) == (&other.node, &other.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::{Here, RETRY_PAUSE, Reading, Standing};

    fn reading() -> Reading {
        Reading {
            node: "n1".to_owned(),
            uid: "u".to_owned(),
            machine: "m".to_owned(),
            boot: "b".to_owned(),
            time: 1000,
            tried: 0,
        }
    }

    fn here() -> Here {
        Here {
            machines: vec!["x".to_owned(), "m".to_owned()],
            boot: "b".to_owned(),
            node: None,
            now: 1000,
        }
    }

    #[test]
    fn the_answer_of_another_node_or_machine_never_counts() {
        assert_eq!(reading().standing(&here(), None), Standing::Fresh);
        let named = |name: &str| Here {
            node: Some(name.to_owned()),
            ..here()
        };
        assert_eq!(reading().standing(&named("n1"), None), Standing::Fresh);
        assert_eq!(reading().standing(&named("n2"), None), Standing::Foreign);
        assert_eq!(reading().whose(&named("n2")), "of node n1");
        let copied = Here {
            machines: vec!["other".to_owned()],
            ..named("n1")
        };
        assert_eq!(reading().standing(&copied, None), Standing::Foreign);
        assert_eq!(reading().whose(&copied), "of node n1 on another machine");
        let nameless = Here {
            machines: vec![],
            ..here()
        };
        assert_eq!(reading().standing(&nameless, None), Standing::Fresh);
        let unsaid = Reading {
            machine: String::new(),
            ..reading()
        };
        assert_eq!(unsaid.standing(&here(), None), Standing::Foreign);
    }

    #[test]
    fn a_new_start_of_the_machine_makes_it_old() {
        let boot = |boot: &str| Here {
            boot: boot.to_owned(),
            ..here()
        };
        assert_eq!(reading().standing(&boot("c"), None), Standing::Old);
        assert_eq!(reading().standing(&boot(""), None), Standing::Fresh);
    }

    #[test]
    fn age_is_counted_from_the_reading() {
        let standing = |ttl, now| reading().standing(&Here { now, ..here() }, ttl);
        assert_eq!(
            [
                standing(None, 9999),
                standing(Some(10), 1009),
                standing(Some(10), 1010),
                standing(Some(10), 999),
                standing(Some(0), 1000),
            ],
            [
                Standing::Fresh,
                Standing::Fresh,
                Standing::Old,
                Standing::Old,
                Standing::Old
            ]
        );
    }

    #[test]
    fn after_a_try_in_vain_there_is_a_pause() {
        assert!(reading().may_ask(1000));
        let tried = Reading {
            tried: 2000,
            ..reading()
        };
        assert_eq!(
            [1999, 2000, 2000 + RETRY_PAUSE - 1, 2000 + RETRY_PAUSE].map(|now| tried.may_ask(now)),
            [true, false, false, true]
        );
    }
}
