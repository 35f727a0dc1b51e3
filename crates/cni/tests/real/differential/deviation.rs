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
    /// All of them.
    pub(super) const ALL: [Self; 7] = [
        Self::DelLenient,
        Self::FirstFault,
        Self::LegacyOnlyWithoutOwn,
        Self::CheckConsultsPrevResult,
        Self::RequestedDuplicate,
        Self::RequestOrder,
        Self::ExactRollBack,
    ];

    /// The deviations this call may show.
    pub(super) fn of(step: &Step) -> impl Iterator<Item = Self> {
        let adds = step.verb == "ADD";
        let requested = step.requested().len();
        let possible = [
            (Self::FirstFault, step.faults() > 1),
            (Self::DelLenient, step.verb == "DEL"),
            (
                Self::CheckConsultsPrevResult,
                step.verb == "CHECK" && !step.prev_result.is_empty(),
            ),
            (Self::RequestedDuplicate, adds && requested > 0),
            (Self::RequestOrder, adds && requested > 1),
        ];
        let possible = possible.into_iter().filter(|(_, possible)| *possible);
        possible.map(|(deviation, _)| deviation)
    }

    /// Whether these answers are what the deviation looks like; otherwise they are compared as any others.
    pub(super) fn shows(self, step: &Step, before: &Files, theirs: &Answer, ours: &Answer) -> bool {
        match self {
            Self::FirstFault => {
                let protocol =
                    |answer: &Answer| code(answer).is_some_and(|code| [1, 3, 4, 6, 7].contains(&code));
                protocol(theirs) && protocol(ours)
            }
            Self::DelLenient => code(theirs) == Some(999) && ours.is_ok(),
            Self::CheckConsultsPrevResult => theirs.is_ok() && code(ours) == Some(999),
            Self::RequestedDuplicate => owned_and_named(ours).is_some_and(|(set, address)| {
                before.stands_in_the_way_of(address, &step.id, &step.ifname)
                    && step.set_of(address) == Some(set)
                    && step
                        .requested()
                        .iter()
                        .any(|asked| step.set_of(*asked) == Some(set))
                    && !says(theirs, &format!("{address} has been allocated"))
            }),
            // Left over are all but one of those in one set, whichever: so what each names differs by one address.
            Self::RequestOrder => match (left_over(theirs), left_over(ours)) {
                (Some(theirs), Some(ours)) => {
                    let sets = |left: &BTreeSet<IpAddr>| -> Vec<Option<usize>> {
                        let mut sets: Vec<_> = left.iter().map(|address| step.set_of(*address)).collect();
                        sets.sort_unstable();
                        sets
                    };
                    theirs != ours && sets(&theirs) == sets(&ours)
                }
                // The one it took was the gateway, or taken; the one we took may be free, or the other way round.
                _ => step.several_in_one_set() && code(theirs) == Some(999) && about_a_request(ours),
            },
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
                let mut ours = step
                    .prev_result
                    .iter()
                    .filter(|address| step.set_of(**address).is_some());
                if ours.all(|address| owned.contains(address)) {
                    return Err("every address of prevResult in our ranges is reserved".to_owned());
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

/// The set and the address of `failed to allocate for range 0: 10.0.0.2 has been allocated to c1, duplicate …`.
fn owned_and_named(answer: &Answer) -> Option<(usize, IpAddr)> {
    let error = answer.error().ok()?;
    let rest = error["msg"]
        .as_str()?
        .strip_prefix("failed to allocate for range ")?;
    let (set, rest) = rest.split_once(": ")?;
    let (address, rest) = rest.split_once(" has been allocated to ")?;
    let is_duplicate = rest.ends_with(", duplicate allocation is not allowed");
    is_duplicate.then_some((set.parse().ok()?, address.parse().ok()?))
}

/// The addresses of `failed to allocate all requested IPs: …`.
fn left_over(answer: &Answer) -> Option<BTreeSet<IpAddr>> {
    let error = answer.error().ok()?;
    let addresses = error["msg"]
        .as_str()?
        .strip_prefix("failed to allocate all requested IPs: ")?;
    addresses.split(' ').map(|address| address.parse().ok()).collect()
}

/// Whether an error is about a requested address.
fn about_a_request(answer: &Answer) -> bool {
    [
        "requested ip ",
        "requested IP address ",
        "failed to allocate all requested IPs: ",
    ]
    .iter()
    .any(|words| says(answer, words))
}
