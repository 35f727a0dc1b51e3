//! One request and its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::json;

use super::State;
use super::connection::Seat;
use super::respond::{self, Body, Manner};
use crate::proxmox::api::{self, Ask, Context};
use crate::proxmox::auth;
use crate::proxmox::fault::{Action, Target};
use crate::proxmox::form;
use crate::proxmox::guest::{self, Answer};
use crate::proxmox::record::Entry;
use crate::proxmox::reply::{AgentQuery, Content, Outcome, Reply};
use crate::proxmox::template::Route;

/// What every path of the API begins with.
const PREFIX: &str = "/api2/json";

/// Longest body that is read; the server itself allows 64 KiB for what is not an upload.
const LONGEST_BODY: usize = 64 << 10;

/// Answers one request. An error ends the connection without an answer.
pub(super) async fn exchange(request: Request<Incoming>, seat: &Seat) -> Result<Response<Body>> {
    let last = seat.serve_one();
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LONGEST_BODY).collect().await else {
        bail!("the request is too long, or ended early");
    };
    let ask = take_apart(&parts, &body.to_bytes());
    let mut visit = Visit::begin(seat, &ask, &parts);
    let action = seat.state.faults().decide(&Target {
        region: &seat.door.region,
        endpoint: seat.door.place,
        route: &ask.route,
    });
    let reply = match &action {
        Some(Action::Hang) => return std::future::pending().await,
        Some(Action::Reset) => {
            seat.reset();
            bail!("reset by a fault")
        }
        Some(other) => faulty(other, &ask, seat).await,
        None => worked(&ask, seat).await,
    };
    pause(reply.after).await;
    visit.entry.status = reply.status;
    let manner = Manner {
        gzip: ask.gzip,
        close: last || reply.status >= 400,
        truncate: action == Some(Action::Truncate),
    };
    Ok(respond::build(reply, manner))
}

/// The answer of a request that a fault happens to.
async fn faulty(action: &Action, ask: &Ask, seat: &Seat) -> Reply {
    let reply = match action {
        Action::Delay(extra) => {
            pause(*extra).await;
            return worked(ask, seat).await;
        }
        Action::Hang | Action::Reset | Action::Truncate => return worked(ask, seat).await,
        Action::Status(401, reason) => Reply::bare(401, reason).after(seat.state.limits.unauthorized),
        Action::Status(code @ 595.., reason) => Reply::bare(*code, reason),
        Action::Status(code, reason) => Reply::error(*code, reason),
        Action::Text(text) => Reply::content(Content::Text(text.clone().into())),
    };
    pause(latency(ask, seat)).await;
    reply
}

/// The right answer, after its latency, by a worker that has time.
async fn worked(ask: &Ask, seat: &Seat) -> Reply {
    let host = ask
        .route
        .host
        .as_deref()
        .filter(|_| ask.route.template.is_protected());
    let workers = host.and_then(|host| seat.state.workers(&seat.door.region, host));
    let _worker = match &workers {
        Some(workers) => Some(workers.acquire().await.expect("nobody closes the semaphore")),
        None => None,
    };
    pause(latency(ask, seat)).await;
    match answer(ask, seat) {
        Outcome::Reply(mut reply) => {
            // Waited for here, because it is the worker who waits for a guest.
            pause(std::mem::take(&mut reply.after)).await;
            reply
        }
        Outcome::Agent(query) => ask_agent(&query, &seat.state).await,
    }
}

fn answer(ask: &Ask, seat: &Seat) -> Outcome {
    if !ask.path.starts_with('/') {
        return Outcome::Reply(Reply::error(404, &format!("no such file '{}'", ask.path)));
    }
    let mut model = seat.state.model();
    let mut dice = seat.state.dice();
    let mut context = Context {
        limits: &seat.state.limits,
        dice: &mut dice,
        endpoint: seat.door.place,
        now: Instant::now(),
    };
    api::answer(model.region(&seat.door.region), ask, &mut context)
}

async fn ask_agent(query: &AgentQuery, state: &State) -> Reply {
    let channel = state.channel(&query.socket);
    let _turn = channel.acquire().await.expect("nobody closes the semaphore");
    match guest::interfaces(&query.socket, &state.limits).await {
        Answer::Silent => Reply::agent_silent(),
        Answer::Timeout => Reply::agent_timeout(query.vm, query.release),
        Answer::Result(list) => Reply::agent_result(&list, &mut state.dice()),
        Answer::Error(error) => Reply::agent_result(&json!({"error": error}), &mut state.dice()),
    }
}

fn latency(ask: &Ask, seat: &Seat) -> Duration {
    seat.state
        .latencies()
        .draw(ask.route.template, &mut seat.state.dice())
}

/// The timer counts in whole milliseconds, so no pause at all must not ask it.
async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn take_apart(parts: &Parts, body: &[u8]) -> Ask {
    let whole = parts.uri.path();
    // Outside the API, the name of a file without its first slash stands for it: no path of the API looks like that.
    let path = whole.strip_prefix(PREFIX).filter(|path| path.starts_with('/'));
    let path = path.map_or_else(|| whole.trim_start_matches('/').to_owned(), str::to_owned);
    let text = |name: HeaderName| {
        let value = parts.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    Ask {
        route: Route::of(&parts.method, &path),
        method: parts.method.clone(),
        path,
        query: parts.uri.query().map_or_else(BTreeMap::new, form::pairs),
        form: form::body(&text(CONTENT_TYPE).unwrap_or_default(), body),
        authorization: text(AUTHORIZATION),
        cookie: text(COOKIE),
        csrf: text(HeaderName::from_static("csrfpreventiontoken")),
        gzip: accepts_gzip(parts),
    }
}

fn accepts_gzip(parts: &Parts) -> bool {
    let accepted = parts
        .headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    accepted.is_some_and(|list| list.split(',').any(|coding| coding.trim().starts_with("gzip")))
}

/// A request in progress; recorded when it is over, however it ends.
struct Visit {
    state: Arc<State>,
    entry: Entry,
    arrived: Instant,
}

impl Visit {
    fn begin(seat: &Seat, ask: &Ask, parts: &Parts) -> Self {
        let query = parts
            .uri
            .query()
            .map_or_else(String::new, |query| format!("?{query}"));
        let entry = Entry {
            at: Duration::ZERO,
            took: Duration::ZERO,
            region: seat.door.region.clone(),
            endpoint: seat.door.place,
            method: ask.method.clone(),
            target: format!("{}{query}", ask.path),
            template: ask.route.template,
            host: ask.route.host.clone(),
            vm: ask.route.vm.clone(),
            who: auth::claimed(seat.state.model().region(&seat.door.region), ask),
            status: 0,
        };
        seat.state.record().arrive(&entry);
        Self {
            state: seat.state.clone(),
            entry,
            arrived: Instant::now(),
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.state.record().leave(self.entry.clone(), self.arrived);
    }
}
