//! Which request suffers what.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Method;

/// Something bad, whom it happens to, and how often.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Whom.
    pub filter: Filter,
    /// What.
    pub action: Action,
    /// How often.
    pub count: Count,
}

/// Chooses requests. The default chooses all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// One of these methods; any when empty.
    pub methods: Vec<Method>,
    /// The path and query contain this text, such as `/ipaddresses` or `watch=true`.
    pub path_contains: Option<String>,
}

impl Filter {
    /// All requests.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests with this method.
    #[must_use]
    pub fn method(method: Method) -> Self {
        Self {
            methods: vec![method],
            path_contains: None,
        }
    }

    /// Requests that change something: POST, PUT, PATCH and DELETE.
    #[must_use]
    pub fn writes() -> Self {
        Self {
            methods: vec![Method::POST, Method::PUT, Method::PATCH, Method::DELETE],
            path_contains: None,
        }
    }

    /// Also demands that path and query contain `text`.
    #[must_use]
    pub fn path(mut self, text: &str) -> Self {
        self.path_contains = Some(text.to_owned());
        self
    }

    fn chooses(&self, method: &Method, target: &str) -> bool {
        (self.methods.is_empty() || self.methods.contains(method))
            && self
                .path_contains
                .as_ref()
                .is_none_or(|text| target.contains(text))
    }
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// An answer with this status code, without asking the server.
    Status {
        /// HTTP status code.
        code: u16,
        /// The header `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// The request waits, then goes on.
    Delay(Duration),
    /// The connection is closed without an answer; the server never sees the request.
    DropConnection,
    /// The server does what is asked, then the connection is closed without an answer.
    DropAfterForward,
}

impl Action {
    /// [`Action::Status`], with `Retry-After: 1` for 429 as the API server sends it.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status {
            code,
            retry_after: (code == 429).then_some(1),
        }
    }
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    /// To the first so many requests.
    Times(u32),
    /// Until cleared.
    Always,
    /// To each request with this probability; the same seed gives the same decisions in the same order.
    Probability {
        /// `0.0..=1.0`.
        p: f64,
        /// Any number.
        seed: u64,
    },
}

/// An injected fault, to ask whether it has happened.
#[derive(Clone, Debug)]
pub struct Injected {
    hits: Arc<AtomicU64>,
}

impl Injected {
    /// How often it has happened.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::SeqCst)
    }
}

/// The faults in force.
#[derive(Debug, Default)]
pub(super) struct Rules {
    active: Vec<Active>,
}

#[derive(Debug)]
struct Active {
    fault: Fault,
    hits: Arc<AtomicU64>,
    /// State of the random sequence of [`Count::Probability`].
    random: u64,
}

impl Rules {
    pub(super) fn add(&mut self, fault: Fault) -> Injected {
        let hits = Arc::new(AtomicU64::new(0));
        let random = if let Count::Probability { seed, .. } = fault.count {
            seed
        } else {
            0
        };
        self.active.push(Active {
            fault,
            hits: hits.clone(),
            random,
        });
        Injected { hits }
    }

    pub(super) fn clear(&mut self) {
        self.active.clear();
    }

    /// What happens to this request; `target` is path and query.
    pub(super) fn decide(&mut self, method: &Method, target: &str) -> Option<Action> {
        let hit = self
            .active
            .iter_mut()
            .filter(|active| active.fault.filter.chooses(method, target))
            .find_map(|active| active.strikes().then_some(active))?;
        hit.hits.fetch_add(1, Ordering::SeqCst);
        Some(hit.fault.action.clone())
    }
}

impl Active {
    fn strikes(&mut self) -> bool {
        match self.fault.count {
            Count::Always => true,
            Count::Times(times) => self.hits.load(Ordering::SeqCst) < u64::from(times),
            Count::Probability { p, .. } => self.next_unit() < p,
        }
    }

    /// The next number of the sequence in `0.0..1.0` (SplitMix64, Steele, Lea and Flood 2014).
    fn next_unit(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // 32 bits are plenty for a probability, and convert without loss.
        f64::from(u32::try_from(z >> 32).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(fault: Fault) -> (Rules, Injected) {
        let mut rules = Rules::default();
        let injected = rules.add(fault);
        (rules, injected)
    }

    #[test]
    fn a_counted_fault_ends_and_only_counts_requests_it_is_meant_for() {
        let filter = Filter::method(Method::POST).path("/things");
        let (mut rules, injected) = rules(Fault {
            filter,
            action: Action::status(409),
            count: Count::Times(2),
        });
        assert_eq!(rules.decide(&Method::GET, "/api/v1/things"), None, "method");
        assert_eq!(rules.decide(&Method::POST, "/api/v1/others"), None, "path");
        for _ in 0..2 {
            assert_eq!(
                rules.decide(&Method::POST, "/api/v1/things?x=y"),
                Some(Action::status(409))
            );
        }
        assert_eq!(rules.decide(&Method::POST, "/api/v1/things"), None, "used up");
        assert_eq!(injected.hits(), 2);
    }

    #[test]
    fn a_used_up_fault_lets_the_next_one_happen() {
        let (mut rules, _) = rules(Fault {
            filter: Filter::any(),
            action: Action::status(500),
            count: Count::Times(1),
        });
        rules.add(Fault {
            filter: Filter::any(),
            action: Action::DropConnection,
            count: Count::Always,
        });
        assert_eq!(rules.decide(&Method::GET, "/"), Some(Action::status(500)));
        assert_eq!(rules.decide(&Method::GET, "/"), Some(Action::DropConnection));
        rules.clear();
        assert_eq!(rules.decide(&Method::GET, "/"), None);
    }

    #[test]
    fn probability_holds_and_is_repeatable() {
        let run = |seed| {
            let count = Count::Probability { p: 0.2, seed };
            let (mut rules, _) = rules(Fault {
                filter: Filter::any(),
                action: Action::status(500),
                count,
            });
            (0..10_000)
                .map(|_| rules.decide(&Method::GET, "/").is_some())
                .collect::<Vec<bool>>()
        };
        let hits = run(7).into_iter().filter(|hit| *hit).count();
        assert!((1_800..2_200).contains(&hits), "{hits} of 10,000 at 20 %");
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
