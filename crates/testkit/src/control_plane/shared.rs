//! One control plane for a whole test process.

use std::thread;

use anyhow::{Context, Result};
use tokio::sync::{OnceCell, oneshot};

use super::{ControlPlane, Options};
use crate::assets::CapiVersion;

static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();

pub(super) async fn get() -> &'static ControlPlane {
    match SHARED.get_or_try_init(start).await {
        Ok(plane) => plane,
        Err(error) => panic!("cannot start the control plane of this test process: {error:#}"),
    }
}

/// On a thread with a runtime of its own, because the runtime of the test that asks first ends with that test.
async fn start() -> Result<ControlPlane> {
    let (send, receive) = oneshot::channel();
    thread::Builder::new()
        .name("testkit-shared".to_owned())
        .spawn(move || {
            // The asker may have given up; then the control plane ends here and the next one starts another.
            let _ = send.send(start_on_this_thread());
        })
        .context("cannot start a thread")?;
    receive
        .await
        .context("the thread that starts the control plane panicked")?
}

fn start_on_this_thread() -> Result<ControlPlane> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a tokio runtime")?;
    let options = Options {
        capi: Some(CapiVersion::default()),
        ..Options::default()
    };
    runtime.block_on(ControlPlane::start(options))
}
