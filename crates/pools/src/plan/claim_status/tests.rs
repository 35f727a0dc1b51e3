//! Times, as the API server keeps them.

use api::capi::Claim;

use super::*;
use crate::plan::facts::Scope;

#[test]
fn the_time_of_a_transition_never_lies_ahead() {
    let claim: Claim = serde_json::from_value(json!({
        "metadata": {"name": "a", "namespace": "ns"},
        "spec": {"poolRef": {"apiGroup": api::names::GROUP, "kind": "InClusterIPPool", "name": "p"}},
    }))
    .expect("a claim");
    let home = ConditionHome::Status;
    let claim = ClaimFacts::read(&claim, &Scope::default(), home).expect("ours");
    for (now, expected) in [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.4Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z"),
    ] {
        let now = now.parse().expect("a time");
        let patch = patch(&claim, home, ReadyReason::PoolExhausted, "", false, now);
        let time = patch.pointer("/status/conditions/0/lastTransitionTime");
        assert_eq!(time, Some(&json!(expected)), "{now}");
    }
}
