//! Who asks: tokens, tickets, passwords.

use std::collections::BTreeMap;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::api::{Ask, Context};
use super::model::{Region, Ticket};
use super::privileges::Privileges;
use super::reply::Reply;
use crate::dice::Dice;

/// Name of the cookie with the ticket.
const COOKIE: &str = "PVEAuthCookie=";

/// An account that has proved itself.
pub(super) struct Who {
    pub(super) id: String,
    pub(super) privileges: Privileges,
}

impl Who {
    /// Demands one of these privileges on `path`.
    pub(super) fn require(&self, path: &str, one_of: &[&str]) -> Result<(), Reply> {
        if one_of
            .iter()
            .any(|privilege| self.privileges.has(path, privilege))
        {
            return Ok(());
        }
        let message = format!("Permission check failed ({path}, {})", one_of.join("|"));
        Err(Reply::error(403, &message))
    }
}

/// The account behind the credentials of a request.
pub(super) fn identify(region: &Region, ask: &Ask, context: &Context<'_>) -> Result<Who, Reply> {
    let refuse = |reason| Reply::bare(401, reason).after(context.limits.unauthorized);
    let failed = || refuse("Authentication failed!");
    if let Some(header) = &ask.authorization {
        let given = header
            .strip_prefix("PVEAPIToken=")
            .and_then(|text| text.rsplit_once('='));
        let (id, secret) = given.ok_or_else(|| refuse("No ticket"))?;
        let token = region.tokens.get(id).filter(|token| token.secret == secret);
        return token.map(|token| who(id, &token.privileges)).ok_or_else(failed);
    }
    let text = ask
        .cookie
        .as_deref()
        .and_then(cookie)
        .ok_or_else(|| refuse("No ticket"))?;
    let ticket = valid_ticket(region, &text, context).ok_or_else(failed)?;
    let user = region
        .users
        .get(&ticket.user)
        .filter(|user| user.enabled)
        .ok_or_else(failed)?;
    if ask.method != Method::GET && ask.csrf.as_ref() != Some(&ticket.csrf) {
        return Err(refuse("Permission denied - invalid csrf token"));
    }
    Ok(who(&ticket.user, &user.privileges))
}

/// Who it says it is, for the log; never a secret, never checked.
pub(super) fn claimed(region: &Region, ask: &Ask) -> String {
    let token = ask
        .authorization
        .as_deref()
        .and_then(|header| header.strip_prefix("PVEAPIToken="));
    if let Some((id, _)) = token.and_then(|token| token.rsplit_once('=')) {
        return id.to_owned();
    }
    let ticket = ask.cookie.as_deref().and_then(cookie);
    let ticket = ticket.and_then(|ticket| region.tickets.get(&ticket));
    ticket.map_or_else(|| "-".to_owned(), |ticket| ticket.user.clone())
}

/// `POST /access/ticket`.
pub(super) fn log_in(region: &mut Region, ask: &Ask, context: &mut Context<'_>) -> Result<Reply, Reply> {
    let user = user_name(&ask.form)?;
    let missing = || Reply::parameter("password", "property is missing and it is not optional");
    let password = ask.form.get("password").ok_or_else(missing)?;
    let refused = || Reply::error(401, "authentication failure").after(context.limits.unauthorized);
    let account = region
        .users
        .get(&user)
        .filter(|account| account.enabled)
        .ok_or_else(refused)?;
    let renewed = valid_ticket(region, password, context).is_some_and(|ticket| ticket.user == user);
    if !renewed && account.password != *password {
        return Err(refused());
    }
    let (privileges, tfa) = (account.privileges.clone(), account.tfa && !renewed);
    let (text, ticket) = issue(&user, context);
    let mut data = json!({"username": user, "ticket": text, "CSRFPreventionToken": ticket.csrf});
    if tfa {
        // Half a ticket: good for the second step of a log-in and nothing else, so it is not remembered.
        data["NeedTFA"] = json!(1);
        data["ticket"] = json!(text.replacen("PVE:", "PVE:!tfa!", 1));
        return Ok(Reply::data(&data, context.dice));
    }
    region.tickets.insert(text, ticket);
    if !region.standalone {
        data["clustername"] = json!(region.name);
    }
    data["cap"] = capabilities(&privileges);
    Ok(Reply::data(&data, context.dice))
}

fn who(id: &str, privileges: &Privileges) -> Who {
    Who {
        id: id.to_owned(),
        privileges: privileges.clone(),
    }
}

fn valid_ticket<'a>(region: &'a Region, text: &str, context: &Context<'_>) -> Option<&'a Ticket> {
    let ticket = region.tickets.get(text)?;
    let age = Instant::now().saturating_duration_since(ticket.since);
    (age < context.limits.ticket).then_some(ticket)
}

/// With the realm that may stand apart.
fn user_name(form: &BTreeMap<String, String>) -> Result<String, Reply> {
    let missing = || Reply::parameter("username", "property is missing and it is not optional");
    let name = form.get("username").ok_or_else(missing)?;
    Ok(match form.get("realm") {
        Some(realm) if !name.contains('@') => format!("{name}@{realm}"),
        _ => name.clone(),
    })
}

fn issue(user: &str, context: &mut Context<'_>) -> (String, Ticket) {
    let stamp = context.dice.throw() >> 32;
    let text = format!("PVE:{user}:{stamp:08X}::{}", noise(context.dice, 32));
    let ticket = Ticket {
        user: user.to_owned(),
        csrf: format!("{stamp:08X}:{}", noise(context.dice, 4)),
        since: Instant::now(),
    };
    (text, ticket)
}

/// Random bytes, eight per throw, as Base64 with all its special characters.
fn noise(dice: &mut Dice, throws: usize) -> String {
    let bytes: Vec<u8> = (0..throws).flat_map(|_| dice.throw().to_be_bytes()).collect();
    STANDARD.encode(bytes)
}

/// The ticket in a `Cookie` header.
fn cookie(header: &str) -> Option<String> {
    let pairs = header.split(';').map(str::trim);
    let value = pairs.filter_map(|pair| pair.strip_prefix(COOKIE)).next()?;
    Some(super::form::unescape(value))
}

fn capabilities(privileges: &Privileges) -> Value {
    let of = |path: &str, prefix: &str| -> Value {
        let held = privileges.effective(path);
        held.keys()
            .filter(|privilege| privilege.starts_with(prefix))
            .map(|privilege| ((*privilege).to_owned(), json!(1)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    json!({
        "vms": of("/vms", "VM."), "nodes": of("/nodes", "Sys."), "dc": of("/", "Sys."),
        "storage": {}, "access": {}, "sdn": {}, "mapping": {},
    })
}
