//! A program of ours while people look around.

use std::time::Duration;

use anyhow::{Result, bail};
use testkit::Cadastre;
use tokio::signal::unix::{SignalKind, signal};

/// Until Ctrl-C, or until the program ends by itself, which is a failure.
pub(crate) async fn stay(program: &mut Cadastre) -> Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut look = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            result = tokio::signal::ctrl_c() => {
                result?;
                return stop(program).await;
            }
            _ = term.recv() => return stop(program).await,
            _ = look.tick() => if let Some(status) = program.exited() {
                bail!("the controller ended with {status}: {}", program.log_tail());
            },
        }
    }
}

/// Asks it to end, and waits until it has.
pub(crate) async fn stop(program: &mut Cadastre) -> Result<()> {
    program.term()?;
    let status = program.wait_exit(Duration::from_secs(10)).await?;
    if !status.success() {
        bail!("the controller ended with {status}: {}", program.log_tail());
    }
    Ok(())
}
