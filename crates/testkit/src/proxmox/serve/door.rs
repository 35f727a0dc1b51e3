//! One end point: an address that may be reached or not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::State;
use super::connection::{self, Seat};

/// Pause before an address is tried again that somebody else holds.
const RETRY: Duration = Duration::from_millis(20);

/// How long a change may take to show, or the port is lost.
const APPLY: Duration = Duration::from_secs(20);

/// Whether an end point can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxmox) enum Reach {
    /// Yes.
    Up,
    /// Connections are accepted, and nothing comes back, on open ones neither.
    Silent,
    /// Connections are refused, open ones are reset.
    Refusing,
}

/// An end point.
pub(in crate::proxmox) struct Door {
    pub(in crate::proxmox) region: String,
    /// Which of the region's end points, from 0.
    pub(in crate::proxmox) place: usize,
    pub(in crate::proxmox) address: SocketAddr,
    reach: watch::Sender<Reach>,
    applied: watch::Sender<Reach>,
}

impl Door {
    /// Opens it. The first socket is bound here, so that its failure is told to who starts the fake.
    pub(in crate::proxmox) fn open(region: &str, place: usize, address: SocketAddr) -> Result<super::Opened> {
        let bound = std::net::TcpListener::bind(address);
        let listener = bound.with_context(|| format!("cannot listen on {address}"))?;
        listener.set_nonblocking(true).context("cannot use the socket")?;
        let door = Self {
            region: region.to_owned(),
            place,
            address,
            reach: watch::Sender::new(Reach::Up),
            applied: watch::Sender::new(Reach::Up),
        };
        Ok((Arc::new(door), listener))
    }

    /// Changes it; returns when every connection attempt from now on sees the change.
    pub(in crate::proxmox) async fn set(&self, reach: Reach) {
        self.reach.send_replace(reach);
        let mut applied = self.applied.subscribe();
        let done = tokio::time::timeout(APPLY, applied.wait_for(|now| *now == reach)).await;
        assert!(
            done.is_ok(),
            "{} cannot be made {reach:?} within {APPLY:?}",
            self.address
        );
    }

    pub(super) fn watch(&self) -> watch::Receiver<Reach> {
        self.reach.subscribe()
    }

    async fn bind(&self) -> TcpListener {
        loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => return listener,
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }
}

/// Accepts until the runtime ends.
pub(super) async fn serve(
    door: Arc<Door>,
    first: std::net::TcpListener,
    state: Arc<State>,
    tls: Option<TlsAcceptor>,
    tasks: TaskTracker,
) {
    let mut reach = door.watch();
    let permits = Arc::new(Semaphore::new(state.limits.connections));
    let mut listener = match TcpListener::from_std(first) {
        Ok(listener) => Some(listener),
        Err(error) => return eprintln!("cannot use the socket of {}: {error}", door.address),
    };
    loop {
        let now = *reach.borrow_and_update();
        if now == Reach::Refusing {
            listener = None;
        } else if listener.is_none() {
            listener = Some(door.bind().await);
        }
        door.applied.send_replace(now);
        tokio::select! {
            biased;
            changed = reach.changed() => if changed.is_err() { return },
            (stream, permit) = accept(listener.as_ref(), &permits) => {
                let seat = Seat::new(door.clone(), state.clone(), permit);
                tasks.spawn(connection::serve(stream, tls.clone(), seat));
            }
        }
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: Option<&TcpListener>,
    permits: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let permit = permits.clone().acquire_owned().await;
    let permit = permit.expect("nobody closes the semaphore");
    loop {
        // An error is about one connection (reset before we took it), not about the listener.
        if let Ok((stream, _)) = listener.accept().await {
            return (stream, permit);
        }
    }
}
