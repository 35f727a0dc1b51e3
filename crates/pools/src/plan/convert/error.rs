//! Why an object cannot be converted.

use addr::ParseError;
use api::{names::GROUP, pool::PoolKind};

/// An object that cannot be converted, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot convert {object}: {problem}")]
pub struct ConvertError {
    /// Kind, namespace and name of the object.
    object: String,
    /// What is wrong; its text has the field, the value and the remedy.
    problem: Problem,
}

impl ConvertError {
    /// What is wrong, for a caller that names the object itself.
    #[must_use]
    pub fn problem(&self) -> String {
        self.problem.to_string()
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("{0}")]
    Kind(String),
    #[error("`{version}` is not a version of {kind}; the versions are {}", served(*kind))]
    Version { kind: PoolKind, version: String },
    #[error("{field} is not {expected}; send the object as the API server stores it")]
    Shape {
        field: &'static str,
        expected: &'static str,
    },
    #[error("spec: {0}; give the field the type it has in the CRD")]
    Spec(serde_json::Error),
    #[error("spec.subnet: {0}")]
    Subnet(ParseError),
    #[error("spec.subnet: `{0}` is no CIDR; write a network such as `10.0.0.0/24`")]
    NoCidr(String),
}

impl Problem {
    pub(super) fn about(self, object: &str) -> ConvertError {
        ConvertError {
            object: object.to_owned(),
            problem: self,
        }
    }
}

fn served(kind: PoolKind) -> String {
    if kind.is_prefix() {
        format!("{GROUP}/v1alpha2 alone")
    } else {
        format!("{GROUP}/v1alpha1 and {GROUP}/v1alpha2")
    }
}
