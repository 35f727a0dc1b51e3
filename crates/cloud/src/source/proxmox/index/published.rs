use std::sync::Arc;
use std::time::Duration;

use runtime::answer::Answer;
use tokio::time::Instant;

use crate::plan::facts::MachineList;
use crate::source::Freshness;

/// A list older than this is not handed out: two periods, so that one that is just being renewed still is.
const TOO_OLD: Duration = Duration::from_secs(20);

/// The outcome of the tries so far, for everybody who waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Published {
    /// The last list that was answered.
    pub(super) list: Option<Arc<MachineList>>,
    /// When it arrived.
    at: Option<Instant>,
    /// Why the last try failed; `None` when it did not.
    pub(super) problem: Option<Arc<str>>,
    /// Tries that have ended.
    pub(super) tries: u64,
}

impl Published {
    pub(super) fn learn(&mut self, list: Arc<MachineList>) {
        self.list = Some(list);
        self.at = Some(Instant::now());
        self.problem = None;
        self.tries += 1;
    }

    /// The answer for somebody who began to wait after `tries`; `None` while waiting may still help.
    ///
    /// One failed try does not hide a list that is young enough: machines live longer than a restart of the proxy.
    pub(super) fn serve(&self, freshness: Freshness, tries: u64) -> Option<Answer<Arc<MachineList>>> {
        let young = self.at.is_some_and(|at| at.elapsed() < TOO_OLD);
        let list = self.list.as_ref().filter(|list| match freshness {
            Freshness::Current => young,
            Freshness::NewerThan(moment) => list.taken > moment,
        });
        match (list, &self.problem) {
            (Some(list), _) => Some(Answer::Known(list.clone())),
            (None, Some(problem)) => Some(Answer::Unknown(problem.to_string())),
            (None, None) if self.tries > tries + 1 => {
                Some(Answer::Unknown("the list keeps being too old".into()))
            }
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::clock::BootTime;

    use super::*;

    fn list(seconds: u64) -> Arc<MachineList> {
        Arc::new(MachineList::new(
            BootTime::ZERO + Duration::from_secs(seconds),
            [],
        ))
    }

    fn at(seconds: u64) -> Freshness {
        Freshness::NewerThan(BootTime::ZERO + Duration::from_secs(seconds))
    }

    fn taken(answer: Option<Answer<Arc<MachineList>>>) -> Option<BootTime> {
        answer.and_then(Answer::known).map(|list| list.taken)
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_at_hand_outlives_one_failed_try_but_not_twenty_seconds() {
        let mut published = Published::default();
        assert!(
            published.serve(Freshness::Current, 0).is_none(),
            "the first list is waited for"
        );
        published.learn(list(1));
        published.problem = Some("503".into());
        assert!(taken(published.serve(Freshness::Current, 1)).is_some());
        tokio::time::advance(TOO_OLD).await;
        assert!(published.serve(Freshness::Current, 1).unwrap().is_unknown());
        published.problem = None;
        assert!(
            published.serve(Freshness::Current, 1).is_none(),
            "after an idle time the next list is waited for"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_newer_list_is_one_that_was_begun_later() {
        let mut published = Published::default();
        published.learn(list(5));
        assert!(taken(published.serve(at(4), 1)).is_some());
        assert!(published.serve(at(5), 1).is_none());
        published.problem = Some("no route".into());
        assert!(published.serve(at(5), 1).unwrap().is_unknown());
    }
}
