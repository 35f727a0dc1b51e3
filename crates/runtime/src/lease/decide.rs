//! What to do about a lease, as a function of what was seen and when.

use std::time::Duration;

use super::record::Record;
use crate::clock::BootTime;

/// What we saw of the lease, and since when it has looked like that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The record and its resourceVersion; `None` while there is no object or nothing was seen.
    seen: Option<(Record, String)>,
    /// When the record last changed before our eyes, on our clock.
    since: BootTime,
}

impl Observation {
    /// Takes in what a read or a write returned. The clock starts again only when the *record* has changed:
    /// somebody editing a label must not look like a renewal.
    pub fn see(&mut self, seen: Option<(Record, String)>, now: BootTime) {
        let same = match (&self.seen, &seen) {
            (Some((before, _)), Some((after, _))) => before == after,
            _ => false,
        };
        if !same {
            self.since = now;
        }
        self.seen = seen;
    }

    /// The last record seen.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.seen.as_ref().map(|(record, _)| record)
    }

    /// The resourceVersion of the object last seen.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.seen.as_ref().map(|(_, version)| version.as_str())
    }
}

/// See [`decide`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// There is no object: create it with us as the holder.
    Create,
    /// Nobody holds it, or the holder has been silent for too long: write ourselves into it.
    Take,
    /// It is ours: write a new time into it.
    Renew,
    /// Somebody holds it, at least until then.
    Wait {
        /// When the lease expires if nothing changes until then.
        until: BootTime,
    },
}

/// Decides from local observation alone; no remote time enters.
///
/// `default_duration` is used for a record that does not state its duration.
#[must_use]
pub fn decide(
    observation: &Observation,
    identity: &str,
    now: BootTime,
    default_duration: Duration,
) -> Decision {
    let Some(record) = observation.record() else {
        return Decision::Create;
    };
    if record.holder == identity {
        return Decision::Renew;
    }
    let until = observation.since + record.duration(default_duration);
    if record.holder.is_empty() || now >= until {
        Decision::Take
    } else {
        Decision::Wait { until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    const OWN: Duration = Duration::from_secs(20);

    fn at(seconds: u64) -> BootTime {
        BootTime::from_nanos(0) + Duration::from_secs(seconds)
    }

    fn record(holder: &str, duration_seconds: i32, renewed: i64) -> Record {
        let renewed = Timestamp::from_second(renewed).unwrap();
        Record {
            holder: holder.into(),
            duration_seconds,
            renewed: Some(renewed.into()),
            ..Record::default()
        }
    }

    fn seen(record: Record, seconds: u64) -> Observation {
        let mut observation = Observation::default();
        observation.see(Some((record, "1".into())), at(seconds));
        observation
    }

    #[test]
    fn no_object_is_created() {
        let mut observation = Observation::default();
        assert_eq!(decide(&observation, "me", at(1), OWN), Decision::Create);
        observation.see(Some((record("other", 15, 0), "1".into())), at(1));
        observation.see(None, at(2));
        assert_eq!(
            decide(&observation, "me", at(2), OWN),
            Decision::Create,
            "deleted by somebody"
        );
    }

    #[test]
    fn expiry_counts_from_local_observation_whatever_the_remote_clock_says() {
        for remote in [0, 4_000_000_000] {
            let observation = seen(record("other", 15, remote), 100);
            let wait = Decision::Wait { until: at(115) };
            assert_eq!(decide(&observation, "me", at(100), OWN), wait);
            assert_eq!(decide(&observation, "me", at(114), OWN), wait);
            assert_eq!(decide(&observation, "me", at(115), OWN), Decision::Take);
        }
    }

    #[test]
    fn a_renewal_starts_the_clock_again_and_an_edit_elsewhere_does_not() {
        let mut observation = seen(record("other", 15, 1), 100);
        observation.see(Some((record("other", 15, 1), "2".into())), at(110));
        assert_eq!(
            decide(&observation, "me", at(110), OWN),
            Decision::Wait { until: at(115) }
        );
        assert_eq!(observation.version(), Some("2"));
        observation.see(Some((record("other", 15, 2), "3".into())), at(112));
        assert_eq!(
            decide(&observation, "me", at(116), OWN),
            Decision::Wait { until: at(127) }
        );
    }

    #[test]
    fn a_released_lease_is_taken_at_once() {
        assert_eq!(
            decide(&seen(record("", 1, 1), 100), "me", at(100), OWN),
            Decision::Take
        );
    }

    #[test]
    fn our_own_lease_is_renewed_even_after_its_time() {
        assert_eq!(
            decide(&seen(record("me", 15, 1), 100), "me", at(999), OWN),
            Decision::Renew
        );
    }

    #[test]
    fn a_record_without_a_duration_is_given_ours() {
        for duration in [0, -1] {
            let observation = seen(record("other", duration, 1), 100);
            assert_eq!(
                decide(&observation, "me", at(119), OWN),
                Decision::Wait { until: at(120) }
            );
        }
    }

    #[test]
    fn taking_counts_a_transition_and_renewing_does_not() {
        let now = Timestamp::from_second(1_000).unwrap();
        let before = Record {
            transitions: 3,
            acquired: None,
            ..record("other", 15, 1)
        };
        let taken = Record::held_by("me", Some(&before), Duration::from_secs(15), now);
        assert_eq!(
            (taken.transitions, taken.holder.as_str(), taken.duration_seconds),
            (4, "me", 15)
        );
        let later = Timestamp::from_second(2_000).unwrap();
        let renewed = Record::held_by("me", Some(&taken), Duration::from_secs(15), later);
        assert_eq!((renewed.transitions, &renewed.acquired), (4, &taken.acquired));
        assert_ne!(renewed.renewed, taken.renewed);
        let released = renewed.released(later);
        assert_eq!(
            (
                released.holder.as_str(),
                released.duration_seconds,
                released.transitions
            ),
            ("", 1, 4)
        );
        assert_eq!(Record::held_by("me", None, OWN, now).transitions, 0);
    }

    #[test]
    fn times_have_exactly_six_digits_as_client_go_parses_them() {
        let now = Timestamp::from_second(1_000).unwrap();
        let patch = Record::held_by("me", None, OWN, now).patch("7");
        assert_eq!(patch["spec"]["renewTime"], "1970-01-01T00:16:40.000000Z");
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
    }
}
