//! The calls of the nmstate crate that need no network: decoding, differences, ways back.

use nmstate::NetworkState;
use serde_json::{Map, Value};

use super::holds::without_what_holds;
use super::{BackendError, Plan, masked, masked_text, usable_revert};

/// Reads a document as strictly as nmstate does: an unknown key is an error that names it.
///
/// # Errors
/// [`BackendError::Refused`].
pub(crate) fn decode(document: &Value) -> Result<NetworkState, BackendError> {
    let nothing = Value::Object(Map::new());
    let document = if document.is_null() { &nothing } else { document };
    serde_json::from_value(document.clone()).map_err(|error| BackendError::Refused {
        reason: masked_text(document, &format!("invalid desired state: {error}")),
    })
}

/// Writes a state as a document.
///
/// # Errors
/// [`BackendError::Failed`]: a state that nmstate itself cannot write.
pub(crate) fn encode(state: &NetworkState) -> Result<Value, BackendError> {
    serde_json::to_value(state)
        .map_err(|error| BackendError::failed(format!("nmstate wrote a state that is not JSON: {error}")))
}

/// What `desired` would change of `current`, and how to undo it. Both with clear secrets; the plan has none.
///
/// # Errors
/// [`BackendError::Refused`] and [`BackendError::NotFound`].
pub(crate) fn plan(desired: &NetworkState, current: &NetworkState) -> Result<Plan, BackendError> {
    let secrets = encode(desired)?;
    let quiet = |error: nmstate::NmstateError| {
        let message = masked_text(&secrets, error.msg());
        BackendError::from(nmstate::NmstateError::new(error.kind(), message))
    };
    let before = encode(current)?;
    let diff = desired.gen_diff(current).map_err(quiet)?;
    let revert = desired.generate_revert(current).map_err(quiet)?;
    let plan = Plan {
        diff: masked(&without_what_holds(encode(&diff)?, &before)),
        revert: masked(&usable_revert(&encode(&revert)?, &before)),
    };
    Ok(if plan.is_no_op() {
        Plan {
            revert: Value::Object(Map::new()),
            ..plan
        }
    } else {
        plan
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Retry;
    use serde_json::json;

    fn current() -> NetworkState {
        decode(&json!({"interfaces": [
            {"name": "e1", "type": "ethernet", "state": "up", "mtu": 1500, "ipv4": {"enabled": false}, "ipv6": {"enabled": false}},
        ]}))
        .unwrap()
    }

    fn planned(desired: &Value) -> Result<Plan, BackendError> {
        plan(&decode(desired)?, &current())
    }

    #[test]
    fn case_43_an_equal_state_is_no_change() {
        let same = json!({"interfaces": [{"name": "e1", "type": "ethernet", "state": "up", "mtu": 1500}]});
        assert!(planned(&same).unwrap().is_no_op());
        assert!(planned(&json!({})).unwrap().is_no_op());
        let other = planned(&json!({"interfaces": [{"name": "e1", "mtu": 1400}]})).unwrap();
        assert!(!other.is_no_op());
        assert_eq!(other.revert["interfaces"][0]["mtu"], 1500);
    }

    #[test]
    fn case_31_nothing_wished_is_nothing_to_do() {
        assert!(planned(&Value::Null).unwrap().is_no_op());
    }

    #[test]
    fn case_33_an_unknown_key_is_named_and_final() {
        let error = planned(&json!({"interfaces": [{"name": "e1", "mtuu": 1400}]})).unwrap_err();
        assert!(error.to_string().contains("mtuu"), "{error}");
        assert_eq!(error.retry(), Retry::Never);
    }

    #[test]
    fn case_34_a_missing_interface_is_named_and_may_come() {
        let desired = json!({"interfaces": [{"name": "eth66", "type": "ethernet", "state": "up"}]});
        let error = planned(&desired).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("Ethernet interface eth66 does not exist"),
            "{error}"
        );
        assert_eq!(error.retry(), Retry::WhenLinksChange);
    }

    #[test]
    fn case_42_a_plan_has_no_secrets() {
        let desired = json!({"interfaces": [{"name": "e1", "type": "ethernet", "state": "up", "802.1x": {
            "identity": "node", "eap-methods": ["peap"], "password": "opensesame", "phase2-auth": "mschapv2",
        }}]});
        let plan = planned(&desired).unwrap();
        assert!(!plan.is_no_op());
        assert!(!format!("{plan:?}").contains("opensesame"), "{plan:?}");
    }
}
