//! Watches that can be cut and stalled.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Error, Result, anyhow};
use bytes::Bytes;
use futures::stream::{self, Stream};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Control over all open watches.
pub(super) struct Watches {
    /// Cancelled by the next cut; new watches get a new one.
    cut: Mutex<CancellationToken>,
    stalled: watch::Sender<bool>,
    /// Held by each open watch; the number of holders is the number of watches.
    open: Arc<()>,
}

impl Watches {
    pub(super) fn new() -> Self {
        Self {
            cut: Mutex::new(CancellationToken::new()),
            stalled: watch::Sender::new(false),
            open: Arc::new(()),
        }
    }

    pub(super) fn cut(&self) -> usize {
        let open = self.open();
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *cut).cancel();
        open
    }

    pub(super) fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }

    pub(super) fn open(&self) -> usize {
        Arc::strong_count(&self.open) - 1
    }

    /// The body of a watch, under our control from now on.
    pub(super) fn control(&self, body: Incoming) -> impl Stream<Item = Result<Frame<Bytes>>> + use<> {
        let cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let watch = Watch {
            body,
            cut,
            stalled: self.stalled.subscribe(),
            _open: self.open.clone(),
        };
        stream::unfold(Some(watch), async |watch| {
            let mut watch = watch?;
            match watch.next().await {
                Ok(frame) => frame.map(|frame| (Ok(frame), Some(watch))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

struct Watch {
    body: Incoming,
    cut: CancellationToken,
    stalled: watch::Receiver<bool>,
    _open: Arc<()>,
}

impl Watch {
    /// The next piece once it may be delivered; `None` at the orderly end.
    async fn next(&mut self) -> Result<Option<Frame<Bytes>>> {
        let cut = self.cut.clone();
        let deliver = async {
            let frame = self.body.frame().await.transpose()?;
            // The sender lives as long as the proxy, and with it every watch.
            let _ = self.stalled.wait_for(|stalled| !stalled).await;
            Ok::<_, Error>(frame)
        };
        cut.run_until_cancelled(deliver)
            .await
            .unwrap_or_else(|| Err(anyhow!("the watch was cut by the fault proxy")))
    }
}
