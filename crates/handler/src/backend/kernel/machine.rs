//! The transaction: begin, commit, roll back, recover. Blocking; see [`super::KernelBackend`] for the way in.

use std::sync::Arc;
use std::time::Duration;

use runtime::clock::BootTime;
use serde_json::Value;

use super::host::{Host, no_netlink};
use super::journal::{Folder, Journal, Stage, Turn};
use super::net::{Net, Target};
use super::plan::{self, Allowance, Class, Problem, Problems, Step};
use super::store::{Kept, Store};
use super::walk::{Stopped, walk, walk_back};
use super::{Settings, networkd};
use crate::backend::{
    BackendError, Change, Plan, Recovery, RolledBack, TakenBack, Transaction, library, masked,
};

/// How long steps may take before the watchdog thinks that whoever makes them hangs. A step takes milliseconds.
const APPLYING: Duration = Duration::from_secs(60);
/// How long another call of ours may take to give the turn back.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything a call needs. Made per call: a namespace belongs to the thread.
pub(super) struct Machine {
    settings: Arc<Settings>,
    allowance: Allowance,
    folder: Folder,
    store: Store,
    host: Host,
}

/// A change, thought through.
struct Thought {
    plan: Plan,
    target: Target,
    back: Target,
}

impl Machine {
    pub(super) fn open(settings: Arc<Settings>, allowance: Allowance) -> Result<Self, BackendError> {
        let host = Host::open(&settings.resolver).map_err(|error| no_netlink(&error))?;
        Ok(Self {
            folder: Folder::new(&settings.folder),
            store: Store::below(&settings.folder),
            allowance,
            host,
            settings,
        })
    }

    pub(super) fn query(&self) -> Result<Value, BackendError> {
        Ok(masked(&library::encode(&self.host.report()?)?))
    }

    pub(super) fn plan(&self, desired: &Value) -> Result<Plan, BackendError> {
        Ok(self.think(desired)?.plan)
    }

    fn think(&self, desired: &Value) -> Result<Thought, BackendError> {
        let decoded = library::decode(desired)?;
        let mut plan = library::plan(&decoded, &self.host.report()?)?;
        let now = self.host.observe().map_err(BackendError::failed)?;
        let whole = library::encode(&decoded)?;
        let target =
            plan::target(&plan.diff, &whole, &now, self.allowance).map_err(|problems| refused(&problems))?;
        self.check_owners(&target, &now)?;
        let back = plan::inverse(&target, &now).map_err(|problems| refused(&problems))?;
        if plan::steps(&target, &now).is_empty() {
            // nmstate writes some values another way than they are reported; nothing would be done about them.
            plan.diff = Value::Object(serde_json::Map::new());
            plan.revert = plan.diff.clone();
        }
        Ok(Thought { plan, target, back })
    }

    /// Links of systemd-networkd are left to it, unless the policy takes them over.
    fn check_owners(&self, target: &Target, now: &Net) -> Result<(), BackendError> {
        if self.allowance.takeover {
            return Ok(());
        }
        let mut problems = Problems::default();
        for name in target.links.keys() {
            let Some(link) = now.links.get(name) else { continue };
            if let Some(state) = networkd::owner_state(&self.settings.networkd, link.index) {
                let reason = format!(
                    "systemd-networkd looks after it (state {state}); take it out of its configuration or set takeover: true"
                );
                problems.add(Problem::not_supported(format!("interfaces.{name}"), reason));
            }
        }
        problems.into_result(()).map_err(|problems| refused(&problems))
    }

    fn turn(&self) -> Result<Turn, BackendError> {
        let turn = self.folder.turn(PATIENCE)?;
        turn.ok_or(BackendError::TooSlow {
            what: "another change of this node",
            limit: PATIENCE,
        })
    }

    fn check_free(&self) -> Result<(), BackendError> {
        let open = self.folder.open_change()?.map(|journal| journal.policy);
        let policy = match open {
            Some(policy) => Some(policy),
            None => self.folder.untold()?.map(|record| record.policy),
        };
        policy.map_or(Ok(()), |policy| Err(BackendError::Busy { policy }))
    }

    pub(super) fn begin(&self, change: &Change, timeout_seconds: u32) -> Result<Transaction, BackendError> {
        let _turn = self.turn()?;
        self.check_free()?;
        let thought = self.think(&change.desired)?;
        let resolver = &self.settings.resolver;
        let mut journal = Journal::new(
            &change.policy,
            change.generation,
            timeout_seconds,
            resolver,
            thought.back,
        );
        journal.desired = change.desired.clone();
        journal.set_deadline(APPLYING);
        self.folder.write(&journal)?;
        if let Err(error) = self.settings.watchdog.start(&self.folder.journal()) {
            self.folder.close()?;
            return Err(BackendError::failed(format!(
                "cannot start the watchdog: {error}"
            )));
        }
        if let Err(stopped) = self.apply(&thought.target, &journal) {
            return Err(self.undo_begin(&journal, stopped));
        }
        journal.stage = Stage::Open;
        journal.set_deadline(Duration::from_secs(timeout_seconds.into()));
        self.folder.write(&journal)?;
        Ok(Transaction {
            id: journal.id,
            policy: journal.policy,
            generation: journal.generation,
            timeout_seconds,
        })
    }

    fn apply(&self, target: &Target, journal: &Journal) -> Result<(), Stopped> {
        let deadline = journal.deadline();
        walk(&self.host, target, &mut |step: &Step| {
            if let Some(tell) = &self.settings.before_step {
                tell(step);
            }
            if BootTime::now() < deadline {
                Ok(())
            } else {
                Err(format!("the steps took longer than {APPLYING:?}"))
            }
        })
    }

    fn undo_begin(&self, journal: &Journal, stopped: Stopped) -> BackendError {
        let error = match stopped {
            Stopped::Refused(reason) | Stopped::Interrupted(reason) => BackendError::failed(reason),
            Stopped::Unreached(rest) => BackendError::Verification {
                reason: unreached(&rest),
                rolled_back: RolledBack::default(),
            },
        };
        match self.take_back(journal) {
            Ok(outcome) => error.after(outcome),
            // The watchdog will try again, and so will the next start.
            Err(trouble) => BackendError::failed(format!("{error}; and not taken back yet: {trouble}")),
        }
    }

    /// Goes the way back and closes the change.
    fn take_back(&self, journal: &Journal) -> Result<RolledBack, BackendError> {
        let outcome = walk_back(&self.host, &journal.back).map_err(BackendError::failed)?;
        self.folder.close()?;
        Ok(outcome)
    }

    pub(super) fn commit(&self, transaction: &Transaction) -> Result<(), BackendError> {
        let _turn = self.turn()?;
        let Some(mut journal) = self.ours(transaction)? else {
            return Err(self.lost(transaction)?);
        };
        if journal.stage == Stage::Open {
            // From here on it is final, whatever happens to this process.
            journal.stage = Stage::Committed;
            self.folder.write(&journal)?;
        }
        self.keep(&journal)
    }

    fn keep(&self, journal: &Journal) -> Result<(), BackendError> {
        self.store
            .keep(&journal.policy, journal.generation, &journal.desired)?;
        self.folder.close()
    }

    /// The open change, if it is this one and its time is not over.
    fn ours(&self, transaction: &Transaction) -> Result<Option<Journal>, BackendError> {
        let open = self
            .folder
            .open_change()?
            .filter(|open| open.id == transaction.id);
        Ok(open.filter(|open| open.stage == Stage::Committed || !open.is_of_another_boot()))
    }

    /// Why a change is not open any more; what the time limit did is told now.
    fn lost(&self, transaction: &Transaction) -> Result<BackendError, BackendError> {
        let record = self.folder.untold()?.filter(|record| record.id == transaction.id);
        let Some(record) = record else {
            return Ok(BackendError::failed(format!(
                "the change {} of policy {} is not open",
                transaction.id, transaction.policy
            )));
        };
        self.folder.told()?;
        Ok(BackendError::Lost {
            timeout: Duration::from_secs(record.timeout_seconds.into()),
            rolled_back: record.outcome(),
        })
    }

    pub(super) fn rollback(&self, transaction: &Transaction) -> Result<RolledBack, BackendError> {
        let _turn = self.turn()?;
        match self.ours(transaction)? {
            Some(journal) if journal.stage != Stage::Committed => self.take_back(&journal),
            Some(journal) => {
                self.keep(&journal)?;
                Err(BackendError::failed(format!(
                    "the change of policy {} is final",
                    journal.policy
                )))
            }
            None => match self.lost(transaction)? {
                // It is what was asked for.
                BackendError::Lost { rolled_back, .. } => Ok(rolled_back),
                other => Err(other),
            },
        }
    }

    pub(super) fn recover(&self) -> Result<Recovery, BackendError> {
        let _turn = self.turn()?;
        if let Some(journal) = self.folder.open_change()? {
            let (policy, generation) = (journal.policy.clone(), journal.generation);
            if journal.stage == Stage::Committed {
                self.keep(&journal)?;
                return Ok(Recovery::Committed { policy, generation });
            }
            let other_boot = journal.is_of_another_boot();
            let outcome = if other_boot {
                self.mend_after_reboot(journal)?
            } else {
                self.take_back(&journal)?
            };
            let by = if other_boot {
                TakenBack::FormerState
            } else {
                TakenBack::Now
            };
            return Ok(Recovery::RolledBack {
                policy,
                generation,
                outcome,
                by,
            });
        }
        let Some(record) = self.folder.untold()? else {
            return Ok(Recovery::Nothing);
        };
        self.folder.told()?;
        Ok(Recovery::RolledBack {
            outcome: record.outcome(),
            policy: record.policy,
            generation: record.generation,
            by: TakenBack::TimeLimit,
        })
    }

    /// The kernel forgot the change, and the addresses of before may be somebody else's by now. Only files remember.
    fn mend_after_reboot(&self, journal: Journal) -> Result<RolledBack, BackendError> {
        let back = Target {
            resolver: journal.back.resolver,
            ..Target::default()
        };
        let outcome = walk_back(&self.host, &back).map_err(BackendError::failed)?;
        self.folder.close()?;
        Ok(outcome)
    }

    pub(super) fn kept(&self) -> Result<Vec<Kept>, BackendError> {
        self.store.all()
    }

    pub(super) fn forget(&self, policy: &str) -> Result<(), BackendError> {
        let _turn = self.turn()?;
        self.store.forget(policy)
    }

    /// Applies one kept document; on an error the network is as before it.
    pub(super) fn apply_again(&self, kept: &Kept) -> Result<bool, BackendError> {
        let change = Change {
            policy: kept.policy.clone(),
            generation: kept.generation,
            desired: kept.desired.clone(),
            timeout: APPLYING,
        };
        if self.think(&kept.desired)?.plan.is_no_op() {
            return Ok(false);
        }
        let seconds = u32::try_from(APPLYING.as_secs()).unwrap_or(u32::MAX);
        let open = self.begin(&change, seconds)?;
        let _turn = self.turn()?;
        // Not kept anew: that would change the order.
        let Some(mut journal) = self.ours(&open)? else {
            return Err(self.lost(&open)?);
        };
        journal.stage = Stage::Committed;
        self.folder.write(&journal)?;
        self.folder.close()?;
        Ok(true)
    }
}

fn unreached(rest: &[Step]) -> String {
    let more = rest.len().saturating_sub(1);
    let first = rest
        .first()
        .map(|step| format!("{}: still to do: {step}", step.path()));
    let first = first.unwrap_or_default();
    if more == 0 {
        format!("the kernel did not keep {first}")
    } else {
        format!("the kernel did not keep {first}, and {more} more")
    }
}

fn refused(problems: &Problems) -> BackendError {
    let reason = problems.to_string();
    match problems.class() {
        Some(Class::NotFound) => BackendError::NotFound { reason },
        Some(Class::Wrong) => BackendError::Refused { reason },
        Some(Class::NotSupported) | None => BackendError::NotSupported { reason },
    }
}
