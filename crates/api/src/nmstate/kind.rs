//! Which of the four kinds an object is.

use std::fmt;

/// The API group of all four kinds.
pub const GROUP: &str = "nmstate.io";

/// One of the four kinds of `nmstate.io`, all cluster-scoped. Displays as the Kubernetes kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NmstateKind {
    /// What nodes are to look like.
    Policy,
    /// What one policy came to on one node.
    Enactment,
    /// What one node looks like.
    State,
    /// How the product is installed.
    Operator,
}

impl NmstateKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Policy, Self::Enactment, Self::State, Self::Operator];

    /// The Kubernetes kind, e.g. `NodeNetworkState`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Policy => "NodeNetworkConfigurationPolicy",
            Self::Enactment => "NodeNetworkConfigurationEnactment",
            Self::State => "NodeNetworkState",
            Self::Operator => "NMState",
        }
    }

    /// The plural resource name, e.g. `nodenetworkstates`.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Policy => "nodenetworkconfigurationpolicies",
            Self::Enactment => "nodenetworkconfigurationenactments",
            Self::State => "nodenetworkstates",
            Self::Operator => "nmstates",
        }
    }

    /// The singular resource name, e.g. `nodenetworkstate`.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Policy => "nodenetworkconfigurationpolicy",
            Self::Enactment => "nodenetworkconfigurationenactment",
            Self::State => "nodenetworkstate",
            Self::Operator => "nmstate",
        }
    }

    /// What people type, e.g. `nncp`; the operator's kind has none.
    #[must_use]
    pub const fn short_name(self) -> Option<&'static str> {
        match self {
            Self::Policy => Some("nncp"),
            Self::Enactment => Some("nnce"),
            Self::State => Some("nns"),
            Self::Operator => None,
        }
    }

    /// The version objects of this kind are stored in, and the one we speak.
    #[must_use]
    pub const fn stored(self) -> &'static str {
        match self {
            Self::Policy | Self::Operator => "v1",
            Self::Enactment | Self::State => "v1beta1",
        }
    }

    /// Name of the CRD, `<plural>.<group>`.
    #[must_use]
    pub fn crd_name(self) -> String {
        format!("{}.{GROUP}", self.plural())
    }
}

impl fmt::Display for NmstateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.kind())
    }
}
