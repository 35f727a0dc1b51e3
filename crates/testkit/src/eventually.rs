//! Waiting for a condition.

use std::time::{Duration, Instant};

/// First pause between two looks; most conditions hold within milliseconds.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Longest pause: a test is at most this late to notice.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Asks `probe` again and again until it answers `Ok`, and returns that.
///
/// ```no_run
/// # async fn bound() -> Option<String> { None }
/// # async fn example() {
/// use std::time::Duration;
/// let address = testkit::eventually(Duration::from_secs(20), "the claim gets an address", || async {
///     bound().await.ok_or_else(|| "status.addressRef is empty".to_owned())
/// })
/// .await;
/// # }
/// ```
///
/// # Panics
/// When `deadline` has passed: with `what` and the last reason. A probe that hangs is cut off then, too.
pub async fn eventually<T, F, Fut>(deadline: Duration, what: &str, mut probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    let mut last = "the first look did not end".to_owned();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, probe()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(reason)) => last = reason,
            Err(_) => {
                panic!("after {deadline:?} still not: {what}; last reason: {last} (a look was cut off)")
            }
        }
        assert!(
            Instant::now() + pause < end,
            "after {deadline:?} still not: {what}; last reason: {last}"
        );
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}
