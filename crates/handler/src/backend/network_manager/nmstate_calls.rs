//! The calls of the nmstate crate that speak to the network. Their futures cannot be sent to another thread.

use nmstate::NetworkState;
use serde_json::Value;

use super::quiet;
use crate::backend::{BackendError, Plan, library};

/// The current state, secrets masked.
pub(super) async fn query() -> Result<Value, BackendError> {
    let mut state = NetworkState::new();
    state.retrieve_async().await?;
    library::encode(&state)
}

/// The current state with clear secrets, and what `desired` would change of it.
pub(super) async fn prepare(desired: Value) -> Result<(Value, Plan), BackendError> {
    let desired = library::decode(&desired)?;
    let mut current = NetworkState::new();
    current.set_include_secrets(true).retrieve_async().await?;
    let plan = library::plan(&desired, &current)?;
    Ok((library::encode(&current)?, plan))
}

/// Applies and verifies, and leaves the checkpoint open for `timeout` seconds.
pub(super) async fn apply_open(desired: Value, timeout: u32) -> Result<(), BackendError> {
    let mut state = library::decode(&desired)?;
    state.set_commit(false).set_timeout(timeout);
    state.apply_async().await.map_err(|error| quiet(&desired, &error))
}

/// Applies and verifies for good.
pub(super) async fn apply_for_good(desired: Value) -> Result<(), BackendError> {
    let state = library::decode(&desired)?;
    state.apply_async().await.map_err(|error| quiet(&desired, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::masked_text;
    use nmstate::{ErrorKind, NmstateError};
    use serde_json::json;

    #[test]
    fn case_42_an_error_does_not_quote_secrets() {
        let desired = json!({"interfaces": [{"name": "e1", "802.1x": {"password": "opensesame"}}]});
        let said = "Verification failure: e1.password desire 'opensesame'".to_owned();
        let error = quiet(&desired, &NmstateError::new(ErrorKind::VerificationError, said));
        assert!(!error.to_string().contains("opensesame"), "{error}");
        assert!(!masked_text(&desired, "opensesame").contains("sesame"));
    }
}
