//! The numbered cases of spec §19.7 and §19.10 that are about admission, and case 164.
//!
//! Cases 85 to 89 and 140 to 144 are judged here for the rules; `webhooks` shows the same over HTTP.

mod address;
mod prefix;

use super::*;

/// A cluster in which these objects are in use.
struct Cluster(Vec<InUse>);

impl Cluster {
    fn with_addresses(addresses: &[&str]) -> Self {
        Self(
            addresses
                .iter()
                .map(|a| InUse {
                    address: (*a).into(),
                    prefix: Some(24),
                })
                .collect(),
        )
    }

    fn with_prefixes(prefixes: &[(&str, i64)]) -> Self {
        Self(
            prefixes
                .iter()
                .map(|(a, l)| InUse {
                    address: (*a).into(),
                    prefix: Some(*l),
                })
                .collect(),
        )
    }

    fn ask(&self, question: impl FnOnce(&Context<'_>) -> Verdict) -> Verdict {
        let in_use = || Some(self.0.clone());
        question(&Context {
            overlap: Overlap::Off,
            in_use: &in_use,
            neighbours: &|| None,
        })
    }

    fn update<S: PoolSpec>(&self, old: &S, new: &S) -> Verdict {
        self.ask(|context| update(old, new, false, context))
    }

    fn delete(&self, unguarded: bool) -> Verdict {
        self.ask(|context| delete(unguarded, context))
    }
}

fn created<S: PoolSpec>(spec: &S) -> Verdict {
    Cluster(Vec::new()).ask(|context| create(spec, context))
}

/// Field and value of every problem of a 422.
#[track_caller]
fn invalid(verdict: Verdict) -> Vec<(&'static str, String)> {
    match verdict {
        Verdict::Invalid(problems) => problems
            .into_iter()
            .map(|p| (p.field, p.value.unwrap_or_default()))
            .collect(),
        other => panic!("expected 422, got {other:?}"),
    }
}

#[track_caller]
fn refused(verdict: Verdict) -> String {
    match verdict {
        Verdict::Refused(message) => message,
        other => panic!("expected 400, got {other:?}"),
    }
}

#[track_caller]
fn warnings(verdict: Verdict) -> Vec<String> {
    match verdict {
        Verdict::Allow { warnings, patch } if patch.is_empty() => warnings,
        other => panic!("expected a plain yes, got {other:?}"),
    }
}
