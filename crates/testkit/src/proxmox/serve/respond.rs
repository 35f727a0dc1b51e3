//! An answer as HTTP.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Error, anyhow};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, PRAGMA, SERVER,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::ext::ReasonPhrase;

use crate::proxmox::pack::{WORTH_COMPRESSING, gzip};
use crate::proxmox::reply::{Content, Reply};

pub(super) type Body = UnsyncBoxBody<Bytes, Error>;

/// Time for the first half of a truncated body to leave the machine.
const HALF_TIME: Duration = Duration::from_millis(10);

/// How an answer is sent.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) gzip: bool,
    pub(super) close: bool,
    pub(super) truncate: bool,
}

/// Makes the response.
pub(super) fn build(reply: Reply, manner: Manner) -> Response<Body> {
    let (body, compressed) = encode(reply.content, manner.gzip);
    let length = body.len();
    let body = if manner.truncate && length > 1 {
        half(&body)
    } else {
        whole(body)
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(reason) = reply
        .reason
        .and_then(|reason| ReasonPhrase::try_from(reason).ok())
    {
        response.extensions_mut().insert(reason);
    }
    let headers = response.headers_mut();
    let mut set = |name, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(SERVER, "pve-api-daemon/3.0");
    set(CACHE_CONTROL, "max-age=0");
    set(PRAGMA, "no-cache");
    if manner.close {
        set(CONNECTION, "close");
    }
    if length > 0 {
        set(CONTENT_TYPE, "application/json;charset=UTF-8");
    }
    if compressed {
        set(CONTENT_ENCODING, "gzip");
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// The bytes, and whether they are compressed.
fn encode(content: Content, gzip_accepted: bool) -> (Bytes, bool) {
    match content {
        Content::Empty => (Bytes::new(), false),
        Content::Packed(packed) => (packed, true),
        Content::Text(plain) if gzip_accepted && plain.len() > WORTH_COMPRESSING => (gzip(&plain), true),
        Content::Text(plain) => (plain, false),
    }
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// The first half, and then the end of the connection.
fn half(bytes: &Bytes) -> Body {
    let first = bytes.slice(..bytes.len() / 2);
    let first = stream::once(async { Ok(Frame::data(first)) });
    let end = stream::once(async {
        tokio::time::sleep(HALF_TIME).await;
        Err(anyhow!("truncated by a fault"))
    });
    StreamBody::new(first.chain(end)).boxed_unsync()
}
