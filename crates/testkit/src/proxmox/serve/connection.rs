//! One connection: TLS, keep-alive, its limits and its end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;

use super::State;
use super::door::{Door, Reach};
use super::exchange::exchange;
use super::wire::Wire;

/// A place at an end point, held by one connection.
pub(super) struct Seat {
    pub(super) door: Arc<Door>,
    pub(super) state: Arc<State>,
    /// End with a reset.
    reset: Arc<AtomicBool>,
    served: AtomicU32,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    pub(super) fn new(door: Arc<Door>, state: Arc<State>, permit: OwnedSemaphorePermit) -> Self {
        state.record().connect(&door.region, door.place);
        Self {
            door,
            state,
            reset: Arc::default(),
            served: AtomicU32::new(0),
            _permit: permit,
        }
    }

    /// One more request; returns whether it is the last one allowed.
    pub(super) fn serve_one(&self) -> bool {
        self.served.fetch_add(1, Ordering::Relaxed) + 1 >= self.state.limits.requests_per_connection
    }

    /// The connection ends with a reset.
    pub(super) fn reset(&self) {
        self.reset.store(true, Ordering::SeqCst);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.state.record().disconnect(&self.door.region, self.door.place);
    }
}

/// Serves a connection for as long as its end point can be reached.
pub(super) async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, seat: Seat) {
    let mut reach = seat.door.watch();
    let seat = Arc::new(seat);
    let wire = Wire::new(stream, seat.reset.clone());
    let mut talk = pin!(talk(wire, tls, seat.clone()));
    loop {
        let now = *reach.borrow_and_update();
        match now {
            Reach::Up => tokio::select! {
                biased;
                changed = reach.changed() => if changed.is_err() { return },
                () = &mut talk => return,
            },
            // Nothing is read or written, and time-outs do not run either: a machine that stands still.
            Reach::Silent => {
                if reach.changed().await.is_err() {
                    return;
                }
            }
            Reach::Refusing => return seat.reset(),
        }
    }
}

async fn talk(wire: Wire, tls: Option<TlsAcceptor>, seat: Arc<Seat>) {
    match tls {
        None => requests(wire, seat).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(wire).await {
                requests(stream, seat).await;
            }
        }
    }
}

async fn requests(io: impl AsyncRead + AsyncWrite + Unpin + 'static, seat: Arc<Seat>) {
    let idle = seat.state.limits.idle;
    let service = service_fn(move |request| {
        let seat = seat.clone();
        async move { exchange(request, &seat).await }
    });
    // An error from the service ends the connection without an answer: exactly the fault asked for.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .serve_connection(TokioIo::new(io), service)
        .await;
}
