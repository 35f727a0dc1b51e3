//! Walking to a target, step by step, and proving that it was reached.

use std::collections::BTreeSet;

use super::host::Host;
use super::net::Target;
use super::plan::{Step, steps};
use crate::backend::RolledBack;

/// How often to look again for what the kernel undid while we changed something else. Two are usual; the rest is for
/// kernels that take their time.
const ROUNDS: usize = 6;

/// Why a target was not reached.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The kernel said no.
    Refused(String),
    /// All steps were made, and these are still to be made.
    Unreached(Vec<Step>),
    /// The caller said to stop.
    Interrupted(String),
}

/// Makes `target` true. `before_each` may stop it before any step.
///
/// A step that fails is tried again in the next round: what stood in its way may be gone by then.
///
/// # Errors
/// [`Stopped`]; the network is somewhere on the way then.
pub(super) fn walk(
    host: &Host,
    target: &Target,
    before_each: &mut dyn FnMut(&Step) -> Result<(), String>,
) -> Result<(), Stopped> {
    let mut refused = None;
    for _ in 0..ROUNDS {
        let now = host.observe().map_err(Stopped::Refused)?;
        let todo = steps(target, &now);
        if todo.is_empty() {
            return Ok(());
        }
        let mut moved = false;
        refused = None;
        for step in &todo {
            before_each(step).map_err(Stopped::Interrupted)?;
            match host.act(step) {
                Ok(()) => moved = true,
                Err(words) => {
                    tracing::debug!(%step, error = words, "a step was not made");
                    refused.get_or_insert(words);
                }
            }
        }
        if !moved {
            break;
        }
    }
    if let Some(words) = refused {
        return Err(Stopped::Refused(words));
    }
    let now = host.observe().map_err(Stopped::Refused)?;
    let rest = steps(target, &now);
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Stopped::Unreached(rest))
    }
}

/// Walks the way back, as far as it goes, and says what is not as it was.
///
/// # Errors
/// When the network cannot even be read.
pub(super) fn walk_back(host: &Host, back: &Target) -> Result<RolledBack, String> {
    let outcome = walk(host, back, &mut |_| Ok(()));
    if let Err(Stopped::Refused(words)) = &outcome {
        tracing::warn!(error = words, "the way back is not free");
    }
    let rest = steps(back, &host.observe()?);
    let paths: BTreeSet<String> = rest.iter().map(Step::path).collect();
    Ok(RolledBack {
        differs: paths.into_iter().collect(),
        restored_dns: false,
    })
}
