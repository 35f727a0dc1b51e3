//! The methods behind the end points.
//!
//! The order of checks is that of the server: who asks, which method, may they, which host, parameters, and only then
//! the work.

mod accounts;
mod cluster;
mod ha;
pub(super) mod list;
mod machine;

use std::collections::BTreeMap;
use std::time::Instant;

use http::Method;

use super::auth;
use super::limits::Limits;
use super::model::Region;
use super::reply::{Outcome, Reply};
use super::template::{Route, Template};
use crate::dice::Dice;

/// A request, taken apart.
pub(super) struct Ask {
    pub(super) method: Method,
    /// What follows `/api2/json`.
    pub(super) path: String,
    pub(super) route: Route,
    pub(super) query: BTreeMap<String, String>,
    /// Parameters of the body.
    pub(super) form: BTreeMap<String, String>,
    pub(super) authorization: Option<String>,
    pub(super) cookie: Option<String>,
    pub(super) csrf: Option<String>,
    /// Whether the asker can read compressed bodies.
    pub(super) gzip: bool,
}

/// What handlers need besides the request and its cluster.
pub(super) struct Context<'a> {
    pub(super) limits: &'a Limits,
    pub(super) dice: &'a mut Dice,
    /// Which end point of the cluster was asked.
    pub(super) endpoint: usize,
    pub(super) now: Instant,
}

/// Answers one request.
pub(super) fn answer(region: &mut Region, ask: &Ask, context: &mut Context<'_>) -> Outcome {
    let done = if ask.route.template == Template::Ticket {
        auth::log_in(region, ask, context).map(Outcome::Reply)
    } else {
        authenticated(region, ask, context)
    };
    done.unwrap_or_else(Outcome::Reply)
}

fn authenticated(region: &mut Region, ask: &Ask, context: &mut Context<'_>) -> Result<Outcome, Reply> {
    let who = auth::identify(region, ask, context)?;
    let reply = match ask.route.template {
        Template::Version => accounts::version(region, context),
        Template::Permissions => accounts::permissions(region, &who, context),
        Template::ClusterStatus => cluster::status(region, &who, context)?,
        Template::Resources => list::resources(region, &who, ask, context)?,
        Template::HaGroups => ha::groups(region, &who, context)?,
        Template::HaRules if region.has_rules() => ha::rules(region, &who, ask, context)?,
        Template::HaResources => ha::resources(region, &who, context)?,
        Template::HaStatus => ha::status(region, &who, context)?,
        Template::Config => machine::config(region, &who, ask, context)?,
        Template::Status => machine::status(region, &who, ask, context)?,
        Template::GuestInterfaces => return machine::guest(region, &who, ask, context),
        Template::HaRules | Template::Ticket | Template::Other => Reply::error(
            501,
            &format!("Method '{} {}' not implemented", ask.method, ask.path),
        ),
    };
    Ok(Outcome::Reply(reply))
}
