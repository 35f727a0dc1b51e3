use std::time::Duration;

use runtime::clock::BootTime;

use super::{AddressPlan, Evidence, GuestAddress, Inputs, ProvidedError, plan, usable};
use crate::plan::facts::{GuestAnswer, GuestReason, Mac, MachineId, SystemUuid, Unavailable};
use crate::plan::notice::{Notice, Reason};
use crate::plan::settings::NetworkSettings;
use crate::plan::verdict::Verdict;

/// How far apart two queries must be that both find nothing, before a running machine's Node loses its last address.
pub const EMPTY_CONFIRMATION: Duration = Duration::from_secs(30);

/// How often a guest is asked whose refusal only a person can change.
const LASTING_PAUSE: Duration = Duration::from_secs(600);

/// How often one Node hears that its guest cannot be asked.
const TELL_AGAIN: Duration = Duration::from_secs(3600);

/// Pauses in seconds before a guest is asked again whose Node has no IP address; the last one repeats.
const REQUERY: [u64; 5] = [5, 10, 20, 40, 60];

/// What is remembered of one Node's guest (§5.8). Belongs to a machine and its UUID: another machine starts empty.
#[derive(Clone, Debug, Default)]
pub struct GuestMemory {
    machine: Option<(MachineId, SystemUuid)>,
    /// What the guest said when it was last heard.
    known: Option<Box<[GuestAddress]>>,
    /// Since when it says that there is nothing to publish.
    empty_since: Option<BootTime>,
    /// Queries in a row after which the Node had no IP address.
    fruitless: usize,
    /// A refusal that only a person can change, and until when nobody asks.
    hold: Option<(Unavailable, BootTime)>,
    /// When the Node was last told.
    told: Option<(BootTime, GuestReason)>,
}

/// Which of the possible lists was taken; the metric label `result` of `ccm_node_address_source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Judgement {
    /// Only what kubelet was told; the guest was not asked.
    Provided,
    /// What the guest says now.
    Guest,
    /// What the guest said when it was last heard.
    Remembered,
    /// What the Node has.
    Previous,
}

impl Judgement {
    /// The stable text of the metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provided => "provided",
            Self::Guest => "guest",
            Self::Remembered => "remembered",
            Self::Previous => "previous",
        }
    }
}

impl GuestMemory {
    /// Forgets everything if this is another machine than before.
    pub fn belongs_to(&mut self, id: &MachineId, uuid: &SystemUuid) {
        let same = self.machine.as_ref().is_some_and(|(i, u)| i == id && u == uuid);
        if !same {
            *self = Self {
                machine: Some((id.clone(), uuid.clone())),
                ..Self::default()
            };
        }
    }

    /// The refusal to use instead of asking again, while it is young.
    #[must_use]
    pub fn hold(&self, now: BootTime) -> Option<&Unavailable> {
        self.hold
            .as_ref()
            .filter(|(_, until)| now < *until)
            .map(|(why, _)| why)
    }

    /// When to ask again before the next pass; `None` when the next pass is soon enough.
    #[must_use]
    pub fn next_query(&self, now: BootTime) -> Option<Duration> {
        if self.empty_since.is_some() {
            return Some(EMPTY_CONFIRMATION);
        }
        let place = self.fruitless.checked_sub(1)?;
        let pause = Duration::from_secs(*REQUERY.get(place).unwrap_or(&60));
        let held = self
            .hold
            .as_ref()
            .map_or(Duration::ZERO, |(_, until)| until.since(now));
        Some(pause.max(held))
    }

    /// Plans with a guest's answer, and remembers it.
    ///
    /// # Errors
    /// See [`plan`].
    pub fn settle(
        &mut self,
        now: BootTime,
        answer: &GuestAnswer,
        macs: &[Mac],
        inputs: &Inputs<'_>,
        rules: &NetworkSettings,
    ) -> Result<(AddressPlan, Judgement), ProvidedError> {
        let (planned, judgement) = match answer {
            GuestAnswer::Known(interfaces) => {
                self.hold = None;
                let (found, verdicts) = usable(interfaces, macs, rules);
                self.heard(now, found, verdicts, inputs, rules)?
            }
            GuestAnswer::Unavailable(why) => {
                let (mut planned, judgement) = self.not_heard(inputs, rules)?;
                self.tell(now, why, &mut planned);
                (planned, judgement)
            }
        };
        let with_ip = planned.ip_count() > 0;
        self.fruitless = if with_ip {
            0
        } else {
            self.fruitless.saturating_add(1)
        };
        Ok((planned, judgement))
    }

    fn heard(
        &mut self,
        now: BootTime,
        found: Vec<GuestAddress>,
        mut verdicts: Vec<Verdict>,
        inputs: &Inputs<'_>,
        rules: &NetworkSettings,
    ) -> Result<(AddressPlan, Judgement), ProvidedError> {
        let mut planned = plan(
            &Inputs {
                evidence: Evidence::Guest(&found),
                ..*inputs
            },
            rules,
        )?;
        let takes_all = planned.ip_count() == 0 && inputs.previous.iter().any(|entry| entry.kind.is_ip());
        if takes_all && !self.confirms_empty(now) {
            planned = plan(
                &Inputs {
                    evidence: Evidence::Previous,
                    ..*inputs
                },
                rules,
            )?;
            verdicts.push(Verdict::new(
                "guest",
                "reports nothing to publish",
                "kept until a second query says so",
            ));
            verdicts.append(&mut planned.verdicts);
            planned.verdicts = verdicts;
            return Ok((planned, Judgement::Previous));
        }
        self.empty_since = None;
        self.known = Some(found.into());
        verdicts.append(&mut planned.verdicts);
        planned.verdicts = verdicts;
        Ok((planned, Judgement::Guest))
    }

    /// Whether an earlier query, long enough ago, found nothing as well.
    fn confirms_empty(&mut self, now: BootTime) -> bool {
        let since = *self.empty_since.get_or_insert(now);
        now.since(since) >= EMPTY_CONFIRMATION
    }

    /// The last known list, unless the Node has more: silence takes nothing away.
    fn not_heard(
        &self,
        inputs: &Inputs<'_>,
        rules: &NetworkSettings,
    ) -> Result<(AddressPlan, Judgement), ProvidedError> {
        let previous = plan(
            &Inputs {
                evidence: Evidence::Previous,
                ..*inputs
            },
            rules,
        )?;
        let Some(known) = &self.known else {
            return Ok((previous, Judgement::Previous));
        };
        let remembered = plan(
            &Inputs {
                evidence: Evidence::Guest(known),
                ..*inputs
            },
            rules,
        )?;
        if remembered.ip_count() >= previous.ip_count() {
            Ok((remembered, Judgement::Remembered))
        } else {
            Ok((previous, Judgement::Previous))
        }
    }

    fn tell(&mut self, now: BootTime, why: &Unavailable, planned: &mut AddressPlan) {
        planned
            .verdicts
            .insert(0, Verdict::new("guest", "asked for its interfaces", why));
        if why.reason.is_lasting() && self.hold(now).is_none() {
            self.hold = Some((why.clone(), now + LASTING_PAUSE));
        }
        // A machine that is switched off has nothing to say, and that is nothing to tell.
        let worth_telling = why.reason != GuestReason::VmNotRunning;
        // What a person has to mend is not hidden behind an earlier reason that passes by itself.
        let is_due = self.told.is_none_or(|(last, reason)| {
            now.since(last) >= TELL_AGAIN || (why.reason.is_lasting() && !reason.is_lasting())
        });
        if worth_telling && is_due {
            self.told = Some((now, why.reason));
            planned.notices.push(notice(why, planned.ip_count() > 0));
        }
    }
}

fn notice(why: &Unavailable, has_addresses: bool) -> Notice {
    let remedy = match why.reason {
        GuestReason::Forbidden => {
            "; grant VM.GuestAgent.Audit (Proxmox VE 9) or VM.Monitor (Proxmox VE 8) on /vms to the token or user"
        }
        GuestReason::AgentNotConfigured => "; switch the QEMU guest agent on in the machine's options",
        GuestReason::AgentNotRunning => "; is qemu-guest-agent installed and running in the guest?",
        GuestReason::CommandDisabled => "; allow guest-network-get-interfaces in the agent's policy",
        _ => "",
    };
    let follows = if has_addresses {
        "those known before stay"
    } else {
        "it is asked again"
    };
    let text = format!("the guest could not be asked for its addresses, {follows}: {why}{remedy}");
    if why.reason.is_lasting() {
        Notice::warning(Reason::GuestAddressesUnavailable, text)
    } else {
        Notice::normal(Reason::GuestAddressesUnavailable, text)
    }
}
