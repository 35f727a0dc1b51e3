//! Settings of an election.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Which lease, for whom, and how patient.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// Name of the Lease object.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Who we are; must differ between processes, see [`unique_identity`].
    pub identity: String,
    /// How long others wait for a renewal before they take over. Whole seconds. Default 15 s.
    pub lease_duration: Duration,
    /// How long we go on without a successful renewal. Must be shorter. Default 10 s.
    pub renew_deadline: Duration,
    /// Pause between attempts. Must be shorter again. Default 2 s.
    pub retry_period: Duration,
}

impl LeaseConfig {
    /// The defaults of controller-runtime: 15 s, 10 s, 2 s.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            namespace: namespace.into(),
            identity: unique_identity(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }

    /// Checks the order of the three times, as client-go does, naming the flag to change.
    ///
    /// # Errors
    ///
    /// When two processes could both believe that they lead, or none could renew in time.
    pub fn validate(&self) -> Result<(), String> {
        let (lease, renew, retry) = (self.lease_duration, self.renew_deadline, self.retry_period);
        if lease < Duration::from_secs(1) || lease.as_secs() > i32::MAX as u64 {
            return Err(format!(
                "--leader-elect-lease-duration {lease:?} must be between 1s and 68 years"
            ));
        }
        if renew >= lease {
            return Err(format!(
                "--leader-elect-renew-deadline {renew:?} must be less than --leader-elect-lease-duration {lease:?}"
            ));
        }
        // client-go: 1.2 is the jitter it adds to the retry period.
        if retry.is_zero() || retry * 6 / 5 >= renew {
            return Err(format!(
                "--leader-elect-retry-period {retry:?} must be more than 0s and less than \
                 five sixths of --leader-elect-renew-deadline {renew:?}"
            ));
        }
        Ok(())
    }
}

/// Host name and 128 random bits: like client-go's, different for every process.
#[must_use]
pub fn unique_identity() -> String {
    let random = || RandomState::new().hash_one(std::process::id());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}_{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_times_must_be_in_order() {
        let seconds = Duration::from_secs;
        let good = LeaseConfig::new("ns", "name");
        assert_eq!(good.validate(), Ok(()));
        let table = [
            (15, 15, 2, "--leader-elect-renew-deadline 15s must be less than"),
            (15, 10, 9, "--leader-elect-retry-period 9s"),
            (15, 10, 0, "--leader-elect-retry-period 0ns"),
            (0, 10, 2, "--leader-elect-lease-duration 0ns"),
        ];
        for (lease_duration, renew_deadline, retry_period, want) in table {
            let bad = LeaseConfig {
                lease_duration: seconds(lease_duration),
                renew_deadline: seconds(renew_deadline),
                retry_period: seconds(retry_period),
                ..good.clone()
            };
            let error = bad.validate().unwrap_err();
            assert!(error.starts_with(want), "{error}");
        }
    }

    #[test]
    fn identities_differ() {
        assert_ne!(unique_identity(), unique_identity());
    }
}
