//! The tables of spec §4.3 and §6 as they are printed there, and what is written when.

use api::nmstate::Condition;
use jiff::Timestamp;

use super::enactment::{AvailableReason, EnactmentState, FailingReason, PendingReason, Said, said};
use super::policy::{Counts, PolicyState, decide};
use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// `type=status/reason[: message]`, one line per condition.
fn shown(list: &[Condition]) -> Vec<String> {
    list.iter()
        .map(|c| {
            let message = c.message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
            format!(
                "{}={}/{}{message}",
                c.type_,
                c.status,
                c.reason.as_deref().unwrap_or_default()
            )
        })
        .collect()
}

fn written(state: &EnactmentState<'_>) -> Vec<String> {
    let mut list = Vec::new();
    assert!(state.write(&mut list, 1, at(1)));
    shown(&list)
}

#[test]
fn enactments_say_what_the_table_says() {
    let retry = "failed to reconcile NodeNetworkConfigurationPolicy on node n1. Retrying 2/5";
    let table: [(EnactmentState<'_>, Said, [String; 5]); 6] = [
        (
            EnactmentState::Progressing,
            Said::Progressing,
            [
                "Progressing=True/ConfigurationProgressing: Applying desired state".to_owned(),
                "Failing=Unknown/ConfigurationProgressing".to_owned(),
                "Available=Unknown/ConfigurationProgressing".to_owned(),
                "Pending=False/ConfigurationProgressing".to_owned(),
                "Aborted=False/ConfigurationProgressing".to_owned(),
            ],
        ),
        (
            EnactmentState::waiting(),
            Said::WaitingForSlot,
            [
                "Pending=True/MaxUnavailableLimitReached: Waiting for progressing nodes to finish".to_owned(),
                "Aborted=False/MaxUnavailableLimitReached".to_owned(),
                "Progressing=False/MaxUnavailableLimitReached: Waiting for progressing nodes to finish"
                    .to_owned(),
                "Failing=False/MaxUnavailableLimitReached".to_owned(),
                "Available=False/MaxUnavailableLimitReached".to_owned(),
            ],
        ),
        (
            EnactmentState::Retrying {
                node: "n1",
                failures: 1,
                limit: 5,
            },
            Said::Retrying,
            [
                format!("Progressing=True/Retrying: {retry}"),
                format!("Failing=True/Retrying: {retry}"),
                "Available=False/Retrying".to_owned(),
                "Pending=False/Retrying".to_owned(),
                "Aborted=False/SuccessfullyConfigured".to_owned(),
            ],
        ),
        (
            EnactmentState::Failing {
                reason: FailingReason::FailedToConfigure,
                message: "no such interface",
            },
            Said::Failing,
            [
                "Progressing=False/FailedToConfigure".to_owned(),
                "Failing=True/FailedToConfigure: no such interface".to_owned(),
                "Available=False/FailedToConfigure".to_owned(),
                "Pending=False/FailedToConfigure".to_owned(),
                "Aborted=False/SuccessfullyConfigured".to_owned(),
            ],
        ),
        (
            EnactmentState::available(),
            Said::Available,
            [
                "Progressing=False/SuccessfullyConfigured".to_owned(),
                "Failing=False/SuccessfullyConfigured".to_owned(),
                "Available=True/SuccessfullyConfigured: successfully reconciled".to_owned(),
                "Pending=False/SuccessfullyConfigured".to_owned(),
                "Aborted=False/SuccessfullyConfigured".to_owned(),
            ],
        ),
        (
            EnactmentState::Aborted { enactment: "n1.p" },
            Said::Aborted,
            [
                "Pending=False/ConfigurationAborted".to_owned(),
                "Aborted=True/ConfigurationAborted: reconciliation of enactment \"n1.p\" has aborted"
                    .to_owned(),
                "Progressing=False/ConfigurationAborted".to_owned(),
                "Failing=False/ConfigurationAborted".to_owned(),
                "Available=False/ConfigurationAborted".to_owned(),
            ],
        ),
    ];
    for (state, read, want) in table {
        assert_eq!(written(&state), want, "{state:?}");
        let mut list = Vec::new();
        state.write(&mut list, 1, at(1));
        assert_eq!(said(&list), read, "{state:?}");
    }
    assert_eq!(said(&[]), Said::Nothing);
}

#[test]
fn other_reasons_to_wait_and_to_be_content_are_said() {
    for reason in PendingReason::ALL {
        let state = EnactmentState::Pending { reason, message: "" };
        let mut list = Vec::new();
        state.write(&mut list, 1, at(1));
        let slot = reason == PendingReason::MaxUnavailableLimitReached;
        assert_eq!(said(&list) == Said::WaitingForSlot, slot, "{reason:?}");
    }
    let pending = |reason| written(&EnactmentState::Pending { reason, message: "" })[0].clone();
    assert_eq!(
        pending(PendingReason::NodeUnmanaged),
        "Pending=True/NodeUnmanaged: node is not managed"
    );
    let content = |reason| written(&EnactmentState::Available { reason, message: "" })[2].clone();
    assert_eq!(
        content(AvailableReason::NoMatchingInterface),
        "Available=True/NoMatchingInterface: no interface matched"
    );
}

/// The column of `kubectl get` shows the first True condition.
#[test]
fn the_first_state_fixes_the_order() {
    let order = |states: &[EnactmentState<'_>]| -> Vec<String> {
        let mut list = Vec::new();
        for (second, state) in (1..).zip(states) {
            state.write(&mut list, 1, at(second));
        }
        list.into_iter().map(|c| c.type_).collect()
    };
    let retry = EnactmentState::Retrying {
        node: "n1",
        failures: 1,
        limit: 5,
    };
    let working = ["Progressing", "Failing", "Available", "Pending", "Aborted"];
    let waiting = ["Pending", "Aborted", "Progressing", "Failing", "Available"];
    assert_eq!(
        order(&[EnactmentState::Progressing, EnactmentState::available()]),
        working
    );
    assert_eq!(
        order(&[EnactmentState::Progressing, EnactmentState::waiting()]),
        working
    );
    assert_eq!(
        order(&[EnactmentState::waiting(), EnactmentState::Progressing, retry]),
        waiting
    );
}

#[test]
fn nothing_is_written_for_a_heartbeat_and_transitions_keep_their_time() {
    let mut list = Vec::new();
    assert!(EnactmentState::waiting().write(&mut list, 1, at(1)));
    let before = list.clone();
    assert!(
        !EnactmentState::waiting().write(&mut list, 1, at(2)),
        "the same again"
    );
    assert_eq!(list, before);
    assert!(EnactmentState::Progressing.write(&mut list, 1, at(3)));
    let time = |list: &[Condition], type_| since(list, type_).map(Timestamp::as_second);
    assert_eq!(time(&list, "Progressing"), Some(3), "False became True");
    assert_eq!(time(&list, "Aborted"), Some(1), "False stayed False");
    let beats: Vec<_> = list
        .iter()
        .filter_map(|c| c.last_heartbeat_time.as_ref())
        .map(|t| t.0)
        .collect();
    assert_eq!(beats, [at(3); 5]);
    assert!(
        EnactmentState::Progressing.write(&mut list, 2, at(4)),
        "another generation is a change"
    );
    assert_eq!(list[0].observed_generation, Some(2));
    assert_eq!(time(&list, "Progressing"), Some(3));
}

#[test]
fn policies_say_what_the_rules_say() {
    let base = Counts {
        matching: 4,
        ready: 4,
        ..Counts::default()
    };
    let progressing = |text: &str| PolicyState::Progressing(text.to_owned());
    let available = |text: &str| PolicyState::Available(text.to_owned());
    let degraded = |text: &str| PolicyState::Degraded(text.to_owned());
    let table = [
        (
            "nobody",
            Counts::default(),
            PolicyState::Ignored("Policy does not match any node".to_owned()),
        ),
        (
            "none done",
            base,
            progressing("Policy is progressing 0/4 nodes finished"),
        ),
        (
            "some done, some wait",
            Counts {
                available: 1,
                pending: 3,
                ..base
            },
            progressing("Policy is progressing 1/4 nodes finished"),
        ),
        (
            "those that are Ready are done, another waits",
            Counts {
                ready: 3,
                available: 3,
                pending: 1,
                ..base
            },
            progressing(
                "Policy is progressing 3/3 nodes finished, 1 pending, 1 nodes ignored due to NotReady state",
            ),
        ),
        (
            "all done",
            Counts { available: 4, ..base },
            available("4/4 nodes successfully configured"),
        ),
        (
            "case_58: a node is not Ready",
            Counts {
                ready: 3,
                available: 3,
                ..base
            },
            available("3/4 nodes successfully configured, 1 nodes ignored due to NotReady state"),
        ),
        (
            "case_49: half failed, the others never tried",
            Counts {
                failing: 2,
                aborted: 2,
                ..base
            },
            degraded("2/4 nodes failed to configure, 2 nodes aborted configuration"),
        ),
        (
            "case_50: one failed",
            Counts {
                failing: 1,
                available: 3,
                ..base
            },
            degraded("1/4 nodes failed to configure"),
        ),
        (
            "case_36: one tries again",
            Counts {
                retrying: 1,
                available: 2,
                ..base
            },
            progressing("Policy is progressing 2/4 nodes finished, 1 retrying"),
        ),
        (
            "one gave up, one tries again",
            Counts {
                retrying: 1,
                failing: 1,
                ..base
            },
            degraded("1/4 nodes failed to configure"),
        ),
        (
            "case_60: a process is silent",
            Counts {
                available: 3,
                without_handler: 1,
                ..base
            },
            progressing("Policy is progressing 3/4 nodes finished, 1 nodes without handler"),
        ),
        (
            "case_96: a node is not managed",
            Counts {
                matching: 3,
                ready: 3,
                available: 3,
                unmanaged: 1,
                ..base
            },
            available("3/3 nodes successfully configured, 1 nodes not managed"),
        ),
    ];
    for (name, counts, want) in table {
        assert_eq!(decide(&counts, false), want, "{name}");
    }
    let retrying = Counts {
        retrying: 1,
        available: 2,
        ..base
    };
    assert_eq!(decide(&retrying, true), degraded("1/4 nodes failed to configure"));
}

#[test]
fn the_four_conditions_of_a_policy() {
    let lines = |state: PolicyState| {
        let mut list = Vec::new();
        state.write(&mut list, 1, at(1));
        shown(&list)
    };
    assert_eq!(
        lines(PolicyState::Unknown),
        [
            "Available=Unknown/",
            "Degraded=Unknown/",
            "Progressing=Unknown/",
            "Ignored=Unknown/"
        ]
    );
    assert_eq!(
        lines(PolicyState::Degraded("m".into())),
        [
            "Available=False/FailedToConfigure",
            "Degraded=True/FailedToConfigure: m",
            "Progressing=False/ConfigurationProgressing",
            "Ignored=False/FailedToConfigure",
        ]
    );
    assert_eq!(
        lines(PolicyState::Progressing("m".into())),
        [
            "Available=Unknown/ConfigurationProgressing",
            "Degraded=Unknown/ConfigurationProgressing",
            "Progressing=True/ConfigurationProgressing: m",
            "Ignored=False/ConfigurationProgressing",
        ]
    );
    assert_eq!(
        lines(PolicyState::Available("m".into())),
        [
            "Available=True/SuccessfullyConfigured: m",
            "Degraded=False/SuccessfullyConfigured",
            "Progressing=False/SuccessfullyConfigured",
            "Ignored=False/SuccessfullyConfigured",
        ]
    );
    assert_eq!(
        lines(PolicyState::Ignored("m".into()))[3],
        "Ignored=True/NoMatchingNode: m"
    );
}
