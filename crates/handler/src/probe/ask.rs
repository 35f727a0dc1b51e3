//! Asking somebody on the link until there is an answer.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, interval, timeout_at};

/// Time an answer may take. A gateway is one link away; satellite links are not gateways of nodes.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time after which the question is repeated: one lost packet, such as the one that waits for a neighbour to be found, is
/// no answer "no".
const REPEAT: Duration = Duration::from_millis(300);

/// Sends the question now and again until `answer` is there, for one second at most.
///
/// # Errors
/// Those of both, and when no answer came.
pub(super) async fn until_answered(
    question: impl AsyncFn() -> io::Result<()>,
    answer: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    let repeat = async {
        let mut timer = interval(REPEAT);
        loop {
            timer.tick().await;
            if let Err(error) = question().await {
                return error;
            }
        }
    };
    let exchange = async {
        tokio::select! {
            answered = answer => answered,
            error = repeat => Err(error),
        }
    };
    timeout_at(Instant::now() + PATIENCE, exchange)
        .await
        .unwrap_or_else(|_| {
            let words = format!("no reply within {} s", PATIENCE.as_secs());
            Err(io::Error::other(words))
        })
}
