//! What goes wrong, for whom, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::template::{Route, Template};
use crate::dice::Dice;

/// Something bad. Without conditions it happens to every request until healed.
#[derive(Clone, Debug)]
pub struct Fault {
    action: Action,
    template: Option<Template>,
    region: Option<String>,
    host: Option<String>,
    vm: Option<String>,
    endpoint: Option<usize>,
    often: Often,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// This status and reason phrase. 401 is held back as long as a real one; 401 and 595 up have no body.
    Status(u16, String),
    /// 200 with this text instead of JSON.
    Text(String),
    /// The connection stays open and nothing comes.
    Hang,
    /// The right answer, of which only the first half arrives.
    Truncate,
    /// The connection is reset before an answer.
    Reset,
    /// The right answer, but so much later.
    Delay(Duration),
}

#[derive(Clone, Debug)]
enum Often {
    Always,
    Times(u64),
    Probability(f64, Dice),
}

impl Fault {
    /// An answer with this status and reason phrase, which is also the message in the body unless the status is 401
    /// or 595 up.
    #[must_use]
    pub fn status(code: u16, reason: &str) -> Self {
        Self::of(Action::Status(code, reason.to_owned()))
    }

    /// 200 with this text instead of JSON, such as the page of a login portal.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::of(Action::Text(text.to_owned()))
    }

    /// Accepted and never answered.
    #[must_use]
    pub fn hang() -> Self {
        Self::of(Action::Hang)
    }

    /// The first half of the body, then the connection ends.
    #[must_use]
    pub fn truncate() -> Self {
        Self::of(Action::Truncate)
    }

    /// The connection is reset before an answer.
    #[must_use]
    pub fn reset() -> Self {
        Self::of(Action::Reset)
    }

    /// Answered so much later.
    #[must_use]
    pub fn delay(pause: Duration) -> Self {
        Self::of(Action::Delay(pause))
    }

    /// Guest queries fail as without agent, at once.
    #[must_use]
    pub fn agent_not_running() -> Self {
        Self::status(500, "QEMU guest agent is not running").on(Template::GuestInterfaces)
    }

    /// Only requests of this template.
    #[must_use]
    pub fn on(mut self, template: Template) -> Self {
        self.template = Some(template);
        self
    }

    /// Only requests to this region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// Only requests about this host.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// Only requests about this VM.
    #[must_use]
    pub fn vm(mut self, id: u32) -> Self {
        self.vm = Some(id.to_string());
        self
    }

    /// Only requests through this end point of a region; they count from 0.
    #[must_use]
    pub fn endpoint(mut self, place: usize) -> Self {
        self.endpoint = Some(place);
        self
    }

    /// Only the next so many of these requests.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.often = Often::Times(times);
        self
    }

    /// Each of these requests with probability `p`, `0.0..=1.0`. The same seed decides the same.
    #[must_use]
    pub fn probability(mut self, p: f64, seed: u64) -> Self {
        self.often = Often::Probability(p, Dice::new(seed));
        self
    }

    fn of(action: Action) -> Self {
        Self {
            action,
            template: None,
            region: None,
            host: None,
            vm: None,
            endpoint: None,
            often: Often::Always,
        }
    }

    fn is_meant_for(&self, target: &Target<'_>) -> bool {
        let same =
            |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|w| is == Some(w));
        self.template
            .is_none_or(|template| template == target.route.template)
            && self.endpoint.is_none_or(|place| place == target.endpoint)
            && same(&self.region, Some(target.region))
            && same(&self.host, target.route.host.as_deref())
            && same(&self.vm, target.route.vm.as_deref())
    }
}

/// A fault in force, to ask whether it has happened and to end it.
#[derive(Clone, Debug)]
pub struct Injected {
    hits: Arc<AtomicU64>,
    healed: Arc<AtomicBool>,
}

impl Injected {
    /// How often it has happened.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::SeqCst)
    }

    /// It happens no more. A request that hangs already goes on hanging.
    pub fn heal(&self) {
        self.healed.store(true, Ordering::SeqCst);
    }
}

/// What a request is aimed at.
pub(super) struct Target<'a> {
    pub(super) region: &'a str,
    pub(super) endpoint: usize,
    pub(super) route: &'a Route,
}

/// All faults in force.
#[derive(Default)]
pub(super) struct Faults {
    active: Vec<(Fault, Injected)>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) -> Injected {
        let injected = Injected {
            hits: Arc::default(),
            healed: Arc::default(),
        };
        self.active.push((fault, injected.clone()));
        injected
    }

    pub(super) fn clear(&mut self) {
        self.active.clear();
    }

    /// What happens to this request: of several faults, the one injected first.
    pub(super) fn decide(&mut self, target: &Target<'_>) -> Option<Action> {
        self.active
            .retain(|(_, injected)| !injected.healed.load(Ordering::SeqCst));
        let meant = self
            .active
            .iter_mut()
            .filter(|(fault, _)| fault.is_meant_for(target));
        let (fault, injected) =
            meant
                .map(|(fault, injected)| (fault, &*injected))
                .find_map(|(fault, injected)| {
                    fault.often.strikes(injected.hits()).then_some((fault, injected))
                })?;
        injected.hits.fetch_add(1, Ordering::SeqCst);
        Some(fault.action.clone())
    }
}

impl Often {
    fn strikes(&mut self, hits: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Times(times) => hits < *times,
            Self::Probability(p, dice) => dice.unit() < *p,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn decide(faults: &mut Faults, path: &str) -> Option<Action> {
        faults.decide(&Target {
            region: "fsn",
            endpoint: 0,
            route: &Route::of(&Method::GET, path),
        })
    }

    #[test]
    fn conditions_must_all_hold_and_the_count_ends() {
        let mut faults = Faults::default();
        let fault = Fault::reset()
            .on(Template::Config)
            .host("pve-1")
            .vm(100)
            .region("fsn")
            .endpoint(0);
        let injected = faults.add(fault.times(2));
        for other in [
            "/nodes/pve-1/qemu/100/status/current",
            "/nodes/pve-2/qemu/100/config",
            "/nodes/pve-1/qemu/101/config",
            "/version",
        ] {
            assert_eq!(decide(&mut faults, other), None, "{other}");
        }
        for expected in [Some(Action::Reset), Some(Action::Reset), None] {
            assert_eq!(decide(&mut faults, "/nodes/pve-1/qemu/100/config"), expected);
        }
        assert_eq!(injected.hits(), 2);
    }

    #[test]
    fn a_healed_fault_lets_the_next_one_happen() {
        let mut faults = Faults::default();
        let first = faults.add(Fault::hang());
        faults.add(Fault::truncate().region("fsn"));
        assert_eq!(decide(&mut faults, "/version"), Some(Action::Hang));
        first.heal();
        assert_eq!(decide(&mut faults, "/version"), Some(Action::Truncate));
        faults.clear();
        assert_eq!(decide(&mut faults, "/version"), None);
    }

    #[test]
    fn probability_holds_and_repeats() {
        let run = |seed| {
            let mut faults = Faults::default();
            faults.add(Fault::reset().probability(0.3, seed));
            (0..5_000)
                .map(|_| decide(&mut faults, "/version").is_some())
                .collect::<Vec<_>>()
        };
        let hits = run(4).into_iter().filter(|hit| *hit).count();
        assert!((1_350..1_650).contains(&hits), "{hits} of 5,000 at 30 %");
        assert_eq!(run(4), run(4));
        assert_ne!(run(4), run(5));
    }
}
