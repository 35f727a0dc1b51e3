//! Where we differ from the reference on purpose (spec §12), as far as the scenarios can meet it. What they cannot meet
//! (null in lists, a route without `dst`, zero-length files, `::/96`, foreign files with an owner's content, a
//! namespace of our own, GC, STATUS) has numbered cases of its own.

use std::collections::BTreeSet;
use std::net::IpAddr;

use testkit::cni::Answer;

use super::directory::Files;
use super::step::Step;

/// One deliberate deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deviation {
    /// DEL needs only the name and the data directory; the reference refuses it for ranges and arguments.
    DelLenient,
    /// Of several faults the protocol layer names the first in its own order (spec §2.1).
    FirstFault,
    /// DEL releases either what the attachment owns or, without that, legacy reservations (spec §4.6). The reference
    /// looks once per range set, so with two sets it finds the legacy ones after it released the others.
    LegacyOnlyWithoutOwn,
    /// CHECK looks for each address of `prevResult` in our ranges; the reference is content with any reservation.
    CheckConsultsPrevResult,
    /// An attachment that has an address cannot request a second one in the same set; the reference reserves it.
    RequestedDuplicate,
    /// Of several requested addresses in one set the first is taken; the reference takes any.
    RequestOrder,
    /// A failed ADD undoes what it did; the reference also releases what the same attachment had before.
    ExactRollBack,
}

impl Deviation {
    /// The deviations this call may show, given the files before it.
    pub(super) fn of(step: &Step, before: &Files) -> impl Iterator<Item = Self> {
        let adds = step.verb == "ADD";
        let owns = !before.of(&step.id, &step.ifname).is_empty();
        let requested = step.requested().len();
        let possible = [
            (Self::FirstFault, step.faults() > 1),
            (Self::DelLenient, step.verb == "DEL"),
            (
                Self::CheckConsultsPrevResult,
                step.verb == "CHECK" && !step.prev_result.is_empty(),
            ),
            (Self::RequestedDuplicate, adds && owns && requested > 0),
            (Self::RequestOrder, adds && requested > 1),
        ];
        let possible = possible.into_iter().filter(|(_, possible)| *possible);
        possible.map(|(deviation, _)| deviation)
    }

    /// Whether these answers are what the deviation looks like; otherwise they are compared as any others.
    pub(super) fn shows(self, theirs: &Answer, ours: &Answer) -> bool {
        match self {
            Self::FirstFault => {
                let protocol =
                    |answer: &Answer| code(answer).is_some_and(|code| [1, 3, 4, 6, 7].contains(&code));
                protocol(theirs) && protocol(ours)
            }
            Self::DelLenient => code(theirs) == Some(999) && ours.is_ok(),
            Self::CheckConsultsPrevResult => theirs.is_ok() && code(ours) == Some(999),
            Self::RequestedDuplicate => says(ours, "duplicate allocation is not allowed"),
            Self::RequestOrder => code(theirs) == Some(999) && code(ours) == Some(999),
            // Seen in the files only.
            Self::ExactRollBack | Self::LegacyOnlyWithoutOwn => false,
        }
    }

    /// Whether ours did what the specification says instead.
    ///
    /// # Errors
    /// What it did otherwise.
    pub(super) fn justify(
        self,
        step: &Step,
        ours: &Answer,
        before: &Files,
        after: &Files,
    ) -> Result<(), String> {
        match self {
            Self::DelLenient | Self::LegacyOnlyWithoutOwn => del_released(step, ours, before, after),
            Self::CheckConsultsPrevResult => {
                let names = before.of(&step.id, &step.ifname);
                let owned: BTreeSet<IpAddr> =
                    names.into_iter().filter_map(|name| name.parse().ok()).collect();
                let all_there = step.prev_result.iter().all(|address| owned.contains(address));
                if all_there {
                    return Err("every address of prevResult is reserved".to_owned());
                }
                unchanged(before, after)
            }
            Self::FirstFault | Self::RequestedDuplicate | Self::RequestOrder | Self::ExactRollBack => {
                unchanged(before, after)
            }
        }
    }
}

fn unchanged(before: &Files, after: &Files) -> Result<(), String> {
    if before.reserved() == after.reserved() {
        Ok(())
    } else {
        Err(format!("reservations changed to {:?}", after.reserved()))
    }
}

/// DEL of ours: exactly the reservations of the attachment are gone.
fn del_released(step: &Step, ours: &Answer, before: &Files, after: &Files) -> Result<(), String> {
    if !ours.stdout().is_empty() {
        return Err("DEL wrote to standard output".to_owned());
    }
    let owned = before.of(&step.id, &step.ifname);
    let mut expected = before.reserved();
    expected.retain(|name, _| !owned.contains(name));
    if expected == after.reserved() {
        Ok(())
    } else {
        Err(format!("left {:?} instead of {expected:?}", after.reserved()))
    }
}

fn code(answer: &Answer) -> Option<u64> {
    answer.error().ok()?["code"].as_u64()
}

fn says(answer: &Answer, words: &str) -> bool {
    let error = answer.error().ok();
    error.is_some_and(|error| error["msg"].as_str().is_some_and(|msg| msg.contains(words)))
}
