//! An API server that misbehaves (spec cni-ipam §5.3).

use std::time::Duration;

use serde_json::json;

use super::{BOTH, Base, support::Fault};

#[test]
fn what_may_pass_is_tried_again() {
    for fault in [
        Fault::Status(429, "Retry-After: 1\r\n"),
        Fault::Status(500, ""),
        Fault::Status(503, ""),
        Fault::Truncate,
    ] {
        let base = Base::new();
        base.api().next(std::slice::from_ref(&fault));
        let output = base.add("c1");
        output.ok(&BOTH);
        assert_eq!(base.api().count(), 2, "{fault:?}");
        if matches!(fault, Fault::Status(429, _)) {
            assert!(
                output.took >= Duration::from_secs(1),
                "Retry-After is honoured: {output:?}"
            );
        }
    }
}

#[test]
fn a_wait_that_does_not_fit_is_not_begun() {
    let base = Base::new();
    base.api().always(Fault::Status(429, "Retry-After: 3600\r\n"));
    let output = base.add("c1");
    assert!(
        output
            .failed(11, "Get the own node object")
            .contains("429: as told"),
        "{output:?}"
    );
    assert!(output.took < Duration::from_secs(10), "{output:?}");
}

#[test]
fn chunks_and_slow_answers_are_read() {
    for fault in [Fault::Chunks, Fault::Slow] {
        let base = Base::new();
        base.api().next(&[fault]);
        base.add("c1").ok(&BOTH);
        assert_eq!(base.api().count(), 1);
    }
}

#[test]
fn a_server_that_hangs_is_given_up_after_fifteen_seconds() {
    let base = Base::new();
    base.api().always(Fault::Hang);
    let output = base.add("c1");
    assert!(
        output
            .failed(11, "Get the own node object")
            .contains("no answer in time (limit 15 s)"),
        "{output:?}"
    );
    assert!(
        (Duration::from_secs(14)..Duration::from_secs(30)).contains(&output.took),
        "{output:?}"
    );
}

#[test]
fn status_does_not_wait_for_a_server_that_hangs() {
    let base = Base::new();
    base.api().always(Fault::Hang);
    let output = base
        .bench
        .call("STATUS", &base.network("k8snet", "1.1.0", json!({}), json!({})));
    let details = output.failed(50, "Get the own node object");
    assert!(details.contains("no answer in time (limit 2 s)"), "{details}");
    // Far from the fifteen seconds of an ADD, even on a machine that is busy.
    assert!(output.took < Duration::from_secs(10), "{output:?}");
}

#[test]
fn what_does_not_pass_is_final() {
    for (fault, expected) in [
        (Fault::Status(401, ""), "check the credentials in"),
        (Fault::Status(302, ""), "answered 302"),
        (Fault::Garbage, "not what the Kubernetes API gives"),
    ] {
        let base = Base::new();
        base.api().always(fault);
        let details = base.add("c1").failed(100, "Get the own node object");
        assert!(details.contains(expected), "{details} should contain {expected}");
        assert_eq!(base.api().count(), 1);
    }
}

#[test]
fn a_forbidden_get_becomes_a_list() {
    let base = Base::new();
    base.api().forbid_get();
    base.add("c1").ok(&BOTH);
    assert_eq!(
        base.api().paths(),
        [
            "/api/v1/nodes/n1",
            "/api/v1/nodes?fieldSelector=metadata.name%3Dn1"
        ]
    );
}

#[test]
fn forbidden_both_ways_is_final() {
    let base = Base::new();
    base.api().always(Fault::Status(403, ""));
    assert!(
        base.add("c1")
            .failed(100, "Get the own node object")
            .contains("403: as told")
    );
    assert_eq!(base.api().count(), 2);
}
