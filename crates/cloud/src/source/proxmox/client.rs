//! The client of one region: credentials, end points in turn, one retry, limits, measurements.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper_util::client::proxy::matcher::Matcher;

use super::auth::{Auth, Credential, LogIn, Turn};
use super::call::{Call, SHORT_ANSWER};
use super::failure::{Failure, Kind};
use super::http::{Bounds, Http, Reply, SendError, tls_config};
use super::limits::Limits;
use super::settings::{Settings, StartError};
use super::wire;
use crate::plan::facts::Region;
use crate::source::metrics::Metrics;

/// Path of the log-in, and its label `endpoint`.
const LOG_IN: (&str, &str) = ("/access/ticket", "access/ticket");

/// Sends the requests of one region.
#[derive(Debug)]
pub(super) struct Client {
    region: Region,
    end_points: Vec<Http>,
    /// The end point to begin with: the one that answered last, or the next one after a time-out.
    preferred: AtomicUsize,
    auth: Auth,
    timeout: Duration,
    guest_timeout: Duration,
    limits: Limits,
    metrics: Metrics,
}

/// One request as it goes over the wire.
struct Outgoing<'a> {
    path: &'a str,
    template: &'static str,
    /// The answer depends on one host, and that host is to blame when it does not come.
    about_host: bool,
    credential: Option<&'a Credential>,
    body: Option<Bytes>,
    bounds: Bounds,
}

impl Client {
    pub(super) fn new(settings: &Settings, metrics: Metrics) -> Result<Self, StartError> {
        let (tls, proxies) = (tls_config(&settings.trust()?)?, Matcher::from_env());
        let bases = settings.bases()?.into_iter();
        let end_points = bases
            .map(|base| Http::new(base, tls.clone(), &proxies))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            region: settings.region.clone(),
            end_points,
            preferred: AtomicUsize::new(0),
            auth: Auth::new(&settings.credentials)?,
            timeout: settings.timeout,
            guest_timeout: settings.guest_timeout,
            limits: Limits::default(),
            metrics,
        })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Longest time one call can take, limits of requests under way not counted.
    pub(super) fn longest(&self) -> Duration {
        let end_points = u32::try_from(self.end_points.len()).unwrap_or(u32::MAX);
        // A log-in, the request, and both once more; each may try every end point.
        self.timeout.saturating_mul(4).saturating_mul(end_points)
    }

    /// Reads what `call` names and gives the answer's meaning as `read` sees it.
    pub(super) async fn get<T>(
        &self,
        call: Call<'_>,
        read: impl FnOnce(&Reply) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let request = async {
            let reply = self.authorised(call).await?;
            if reply.status == 200 {
                Ok(reply)
            } else {
                Err(wire::refusal(&reply))
            }
        };
        // An answer that cannot be read is an answer: it is no reason to leave its host alone.
        self.limits
            .run(call, request)
            .await
            .and_then(|reply| read(&reply))
    }

    /// Sends with the current credentials, and once more with others when they are refused and there are others.
    async fn authorised(&self, call: Call<'_>) -> Result<Reply, Failure> {
        let credential = match &self.auth {
            Auth::Token(credential) => credential.clone(),
            Auth::Files(files) => files.current(),
            Auth::Tickets(tickets) => self.take(tickets.turn().await?).await?,
        };
        let reply = self.send(call, &credential).await?;
        let kind = match reply.status {
            401 => Kind::Unauthorized,
            403 => Kind::Forbidden,
            _ => return Ok(reply),
        };
        let other = match &self.auth {
            Auth::Files(files) if kind == Kind::Unauthorized => files.after_refusal(&credential),
            Auth::Tickets(tickets) => match tickets.after_refusal(&credential, kind).await? {
                Some(turn) => Some(self.take(turn).await?),
                None => None,
            },
            Auth::Token(_) | Auth::Files(_) => None,
        };
        match other {
            Some(other) if other.serial != credential.serial => self.send(call, &other).await,
            _ => Ok(reply),
        }
    }

    async fn take(&self, turn: Turn<'_>) -> Result<Credential, Failure> {
        match turn {
            Turn::Use(credential) => Ok(credential),
            Turn::LogIn(log_in) => self.log_in(log_in).await,
        }
    }

    async fn log_in(&self, log_in: LogIn<'_>) -> Result<Credential, Failure> {
        let (path, template) = LOG_IN;
        let body = Some(log_in.body());
        let request = Outgoing {
            path,
            template,
            about_host: false,
            credential: None,
            body,
            bounds: Bounds {
                time: self.timeout,
                answer: SHORT_ANSWER,
            },
        };
        // No host is to blame for a log-in that takes too long.
        let outcome = self.in_turn(&request).await;
        log_in.learn(outcome.map_err(|failure| Failure {
            kind: Kind::Unreachable,
            ..failure
        }))
    }

    async fn send(&self, call: Call<'_>, credential: &Credential) -> Result<Reply, Failure> {
        let time = match call {
            Call::Interfaces { .. } => self.guest_timeout,
            _ => self.timeout,
        };
        self.in_turn(&Outgoing {
            path: &call.to_string(),
            template: call.template(),
            about_host: call.host().is_some(),
            credential: Some(credential),
            body: None,
            bounds: Bounds {
                time,
                answer: call.longest_answer(),
            },
        })
        .await
    }

    /// Tries the end points in turn, beginning with the preferred one.
    async fn in_turn(&self, request: &Outgoing<'_>) -> Result<Reply, Failure> {
        let (first, count) = (self.preferred.load(Ordering::Relaxed), self.end_points.len());
        let mut failure = Failure::new(Kind::Unreachable, "the region has no end point");
        for (index, http) in self.end_points.iter().enumerate().cycle().skip(first).take(count) {
            failure = match self.attempt(http, request).await {
                // An end point that restarts answers 503; another one may be well.
                Ok(reply) if (502..=504).contains(&reply.status) => wire::refusal(&reply),
                Ok(reply) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return Ok(reply);
                }
                // The end point took the request and waits for the host, as every other one would; or it is the end
                // point that hangs, which the next request tells by beginning elsewhere. Of the many that an end point
                // may leave waiting at once, only the first counts against its host.
                Err(failure) if request.about_host && failure.kind == Kind::Timeout => {
                    let kind = if self.leave(first) {
                        Kind::Timeout
                    } else {
                        Kind::SuspectTimeout
                    };
                    return Err(Failure { kind, ..failure });
                }
                Err(failure) => failure,
            };
            tracing::debug!(region = %self.region, url = %http.base(), error = %failure, "end point failed");
        }
        Err(failure)
    }

    /// Lets the next request begin one end point after `first`. `false` when the preference has moved on already,
    /// because others found `first` silent or were answered by another one; of a single end point it never has.
    fn leave(&self, first: usize) -> bool {
        let next = (first + 1) % self.end_points.len().max(1);
        self.preferred
            .compare_exchange(first, next, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Sends to one end point; a read whose connection breaks is sent once more (§17.4).
    async fn attempt(&self, http: &Http, request: &Outgoing<'_>) -> Result<Reply, Failure> {
        match self.measured(http, request).await {
            Err(SendError::Broken(_)) if request.body.is_none() => self.measured(http, request).await,
            outcome => outcome,
        }
        .map_err(|error| match error {
            SendError::Timeout(limit) => Failure::timeout(limit),
            SendError::TooLong => Failure::new(
                Kind::Malformed,
                format!(
                    "the answer to {} is longer than {} bytes and was not read",
                    request.template, request.bounds.answer
                ),
            ),
            SendError::Connect(text) => Failure::new(
                Kind::Unreachable,
                format!("cannot connect to {}: {text}", http.base()),
            ),
            SendError::Broken(text) => Failure::new(
                Kind::Unreachable,
                format!("the connection to {} broke: {text}", http.base()),
            ),
        })
    }

    async fn measured(&self, http: &Http, request: &Outgoing<'_>) -> Result<Reply, SendError> {
        let start = Instant::now();
        let none = http::HeaderMap::new();
        let headers = request.credential.map_or(&none, Credential::headers);
        let outcome = http
            .send(request.path, headers, request.body.clone(), request.bounds)
            .await;
        let code = match &outcome {
            Ok(reply) => reply.status.to_string(),
            Err(SendError::Timeout(_)) => "timeout".to_owned(),
            Err(_) => "error".to_owned(),
        };
        self.metrics
            .request(&self.region, request.template, &code, start.elapsed());
        outcome
    }
}
