use std::collections::VecDeque;
use std::time::Duration;

use runtime::clock::BootTime;

/// The time over which deletions are counted.
pub const PERIOD: Duration = Duration::from_secs(600);

/// How many Nodes may still be deleted: `max(1, 10 %)` of the own ones in any [`PERIOD`] (§4.1 d).
///
/// What looks like many machines gone at once is more often a mistake than a fact.
#[derive(Clone, Debug, Default)]
pub struct DeletionBudget {
    deletions: VecDeque<BootTime>,
}

impl DeletionBudget {
    /// Takes one deletion; false when none is left.
    pub fn take(&mut self, now: BootTime, own_nodes: usize) -> bool {
        let fits = self.spent(now) < limit(own_nodes);
        if fits {
            self.deletions.push_back(now);
        }
        fits
    }

    /// Deletions that count at the moment.
    pub fn spent(&mut self, now: BootTime) -> usize {
        while self
            .deletions
            .front()
            .is_some_and(|time| now.since(*time) >= PERIOD)
        {
            self.deletions.pop_front();
        }
        self.deletions.len()
    }

    /// Adds deletions of a process before this one, whose times nobody knows. They count as if they were of this moment:
    /// too long perhaps, and never too short.
    pub fn inherit(&mut self, now: BootTime, deletions: usize) {
        self.deletions.extend(std::iter::repeat_n(now, deletions));
    }

    /// Gives back the deletion that was taken last, because it did not happen.
    pub fn refund(&mut self) {
        self.deletions.pop_back();
    }
}

/// Deletions per [`PERIOD`].
pub(super) fn limit(own_nodes: usize) -> usize {
    (own_nodes / 10).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> BootTime {
        BootTime::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_tenth_in_ten_minutes_and_at_least_one() {
        let mut budget = DeletionBudget::default();
        let taken = (0..100).filter(|second| budget.take(at(*second), 30)).count();
        assert_eq!(taken, 3);
        assert!(!budget.take(at(599), 30));
        assert!(budget.take(at(600), 30), "the one of second 0 is ten minutes old");
        assert!(!budget.take(at(600), 30));
        budget.refund();
        assert!(budget.take(at(600), 30));
        let mut heir = DeletionBudget::default();
        heir.inherit(at(700), 2);
        assert_eq!(heir.spent(at(700)), 2);
        assert!(heir.take(at(701), 30) && !heir.take(at(702), 30));
        assert_eq!(heir.spent(at(1300)), 1, "as if they were of second 700");
        let mut small = DeletionBudget::default();
        assert!(small.take(at(0), 3) && !small.take(at(1), 3));
    }
}
