//! The layer every request passes: count it, bound it, repeat it after a 429.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode, header};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use kube::client::Body;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::{BoxError, Layer, Service, ServiceExt};

use super::calls::Calls;
use super::path::{RequestKind, classify};

/// A watch has no end, but its first byte must come within this time: a server that does not even send the
/// header is not answering. Longer than the deadline because a watch may wait for the server's cache.
const WATCH_HEADER_DEADLINE: Duration = Duration::from_secs(30);

/// How long to wait after a 429 without `Retry-After`. The server's own default is one second.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// A request had no complete answer in time. Whether a write happened is not known.
#[derive(Debug, thiserror::Error)]
#[error("no complete answer from the API server to {verb} {resource} within {} s", deadline.as_secs_f32())]
pub struct DeadlineExceeded {
    verb: &'static str,
    resource: String,
    deadline: Duration,
}

/// Adds deadline, counters and the retry of 429 to a client service.
#[derive(Clone, Debug)]
pub(super) struct BoundedLayer {
    pub(super) calls: Calls,
    pub(super) deadline: Duration,
}

impl<S> Layer<S> for BoundedLayer {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Bounded<S> {
        Bounded {
            inner,
            calls: self.calls.clone(),
            deadline: self.deadline,
        }
    }
}

/// See [`BoundedLayer`].
#[derive(Clone, Debug)]
pub(super) struct Bounded<S> {
    inner: S,
    calls: Calls,
    deadline: Duration,
}

impl<S, B> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError> + Send,
    B: Send + 'static,
{
    type Response = Response<Limited<B>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(send(inner, request, self.calls.clone(), self.deadline))
    }
}

async fn send<S, B>(
    mut service: S,
    mut request: Request<Body>,
    calls: Calls,
    deadline: Duration,
) -> Result<Response<Limited<B>>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<BoxError>,
{
    let kind = classify(request.method(), request.uri(), request.headers());
    let endless = kind.is_endless();
    let allowed = if endless {
        deadline.max(WATCH_HEADER_DEADLINE)
    } else {
        deadline
    };
    let end = Instant::now() + allowed;
    loop {
        let again = copy(&request);
        let sent = tokio::time::timeout_at(end, service.call(request)).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                calls.count(kind.verb, &kind.resource, "error");
                return Err(error.into());
            }
            Err(_) => {
                calls.count(kind.verb, &kind.resource, "timeout");
                return Err(exceeded(kind, allowed).into());
            }
        };
        calls.count(kind.verb, &kind.resource, response.status().as_str());
        match (pause_before_retry(&response, end), again) {
            (Some(pause), Some(copy)) => {
                tokio::time::sleep(pause).await;
                request = copy;
                service.ready().await.map_err(Into::into)?;
            }
            _ => {
                let limit = (!endless).then(|| Limit {
                    at: Box::pin(sleep_until(end)),
                    kind,
                    allowed,
                });
                return Ok(response.map(|body| Limited { body, limit }));
            }
        }
    }
}

fn exceeded(kind: RequestKind, deadline: Duration) -> DeadlineExceeded {
    DeadlineExceeded {
        verb: kind.verb,
        resource: kind.resource,
        deadline,
    }
}

/// How long to wait before asking again; `None` when the answer has to be passed on.
fn pause_before_retry<B>(response: &Response<B>, end: Instant) -> Option<Duration> {
    if response.status() != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let asked = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let pause = asked
        .and_then(|text| text.parse().ok())
        .map_or(RETRY_PAUSE, Duration::from_secs);
    // A pause beyond the deadline would turn a clear answer into a timeout.
    Instant::now()
        .checked_add(pause)
        .filter(|&at| at < end)
        .map(|_| pause)
}

/// A second copy of a request, or `None` when its body is a stream.
fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

struct Limit {
    at: Pin<Box<Sleep>>,
    kind: RequestKind,
    allowed: Duration,
}

/// A response body that fails when it is not complete in time.
pub(super) struct Limited<B> {
    body: B,
    limit: Option<Limit>,
}

impl<B> HttpBody for Limited<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|result| result.map_err(Into::into)));
        }
        if let Some(limit) = &mut self.limit
            && limit.at.as_mut().poll(cx).is_ready()
        {
            let error = exceeded(limit.kind.clone(), limit.allowed);
            return Poll::Ready(Some(Err(error.into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
