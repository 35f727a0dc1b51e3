//! `cadastre claim`: ask for an address and wait for it.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use api::pool::PoolKind;
use clap::Args;
use jiff::SignedDuration;
use pools::{
    plan::name::{ObjectName, PoolName},
    survey::ask::{self, AskError, Bound, Request},
};
use serde::Serialize;

use super::{
    NO,
    output::{Format, Output},
    session::{Cluster, Namespace, Session},
    text::visible,
};

/// Ask a pool for an address: create an IPAddressClaim, wait, print the address
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Prints the address alone, so that scripts can use it; prefix pools give `address/length`. Prefix and gateway are in \
`-o json` and `-o yaml`. A claim that exists already and draws from the same pool is waited for just the same.

While the claim waits, what it waits for is said on standard error. When the time is over the claim stays, and is \
served as soon as that is possible; delete it if it is no longer wanted:
  kubectl delete ipaddressclaim NAME

Exit codes: 0 bound; 1 not bound; 2 could not ask.

Examples:
  cadastre claim node-1 --pool workers
  cadastre claim vip --pool shared --kind GlobalInClusterIPPool --cluster c1 --timeout 5m
  ADDRESS=$(cadastre claim test-vm --pool workers -n team-a)")]
pub(crate) struct Flags {
    /// Name of the claim, and of the IPAddress that answers it
    name: String,

    /// Name of the pool
    #[arg(short, long, value_name = "POOL")]
    pool: String,

    /// Kind of the pool; needed only when pools of several kinds have that name
    #[arg(long, value_parser = pool_kind)]
    kind: Option<PoolKind>,

    /// Cluster the claim belongs to; it must exist and not be paused
    #[arg(long = "cluster", value_name = "NAME")]
    cluster_name: Option<String>,

    /// How long to wait for the address; 0 does not wait
    #[arg(long, default_value = "60s", value_parser = duration)]
    timeout: Duration,

    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    scope: Namespace,
    #[command(flatten)]
    cluster: Cluster,
}

/// What `--timeout 0` prints as data.
#[derive(Serialize)]
struct Created<'a> {
    namespace: &'a str,
    name: &'a str,
}

pub(crate) async fn run(flags: Flags) -> Result<ExitCode> {
    let session = Session::open(&flags.cluster).await?;
    match serve(&flags, &session).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Trouble::Ask(error @ (AskError::Look(_) | AskError::Pool(_)))) => Err(error.into()),
        Err(Trouble::Ask(error)) => {
            eprintln!("cadastre: {}", visible(&error.to_string()));
            Ok(ExitCode::from(NO))
        }
        Err(Trouble::Print(error)) => Err(error),
    }
}

enum Trouble {
    Ask(AskError),
    Print(anyhow::Error),
}

impl From<AskError> for Trouble {
    fn from(error: AskError) -> Self {
        Self::Ask(error)
    }
}

async fn serve(flags: &Flags, session: &Session) -> Result<(), Trouble> {
    let (client, served) = (&session.client, &session.served);
    let namespace = flags
        .scope
        .namespace
        .as_deref()
        .unwrap_or(&session.default_namespace);
    let pool = match flags.kind {
        Some(kind) => PoolName::new(kind, namespace, &flags.pool),
        None => ask::find_pool(client, namespace, &flags.pool).await?,
    };
    let claim = ObjectName::new(namespace, &flags.name);
    let request = Request {
        claim,
        pool,
        cluster: flags.cluster_name.clone(),
    };
    if !ask::create(client, served, &request).await? {
        eprintln!(
            "IPAddressClaim {} exists already and draws from the same pool",
            request.claim
        );
    }
    if flags.timeout.is_zero() {
        let created = Created {
            namespace,
            name: &flags.name,
        };
        return flags
            .output
            .print(&created, |_| String::new())
            .map_err(Trouble::Print);
    }
    let news = |why: &str| eprintln!("waiting: {}", visible(why));
    let bound = ask::wait(client, served, &request, flags.timeout, news).await?;
    if flags.output.output == Format::Text {
        eprintln!("{}", visible(&details(&bound)));
    }
    flags
        .output
        .print(&bound, |_| {
            visible(&address(&bound, request.pool.kind())).into_owned()
        })
        .map_err(Trouble::Print)
}

/// What a script wants: the address, and for prefix pools the prefix.
fn address(bound: &Bound, kind: PoolKind) -> String {
    match bound.prefix {
        Some(prefix) if kind.is_prefix() => format!("{}/{prefix}", bound.address),
        _ => bound.address.clone(),
    }
}

/// What a person wants beside it.
fn details(bound: &Bound) -> String {
    let prefix = bound
        .prefix
        .map_or_else(String::new, |prefix| format!(", prefix length {prefix}"));
    let gateway = bound
        .gateway
        .as_ref()
        .map_or_else(String::new, |gateway| format!(", gateway {gateway}"));
    format!(
        "{}/{} is bound to {}{prefix}{gateway}",
        bound.namespace, bound.name, bound.pool
    )
}

/// The kind as Kubernetes writes it, or its resource name, in any case.
fn pool_kind(text: &str) -> Result<PoolKind, String> {
    let names = |kind: PoolKind| [kind.kind(), kind.singular(), kind.plural()];
    let found = PoolKind::ALL
        .into_iter()
        .find(|kind| names(*kind).iter().any(|n| n.eq_ignore_ascii_case(text)));
    found.ok_or_else(|| format!("the kinds are {}", PoolKind::ALL.map(PoolKind::kind).join(", ")))
}

/// Nobody waits longer; the sum with the time of day stays a time.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// `90s`, `5m`, `1h30m`, or seconds without a unit; at most [`LONGEST`].
fn duration(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok()),
    };
    match parsed {
        Some(duration) if duration <= LONGEST => Ok(duration),
        Some(_) => Err("that is more than a year; write a time such as 90s, 5m or 1h30m".to_owned()),
        None => Err("write a time such as 90s, 5m or 1h30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use pools::plan::snapshot::PoolKey;

    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        let table = [
            ("0", 0),
            ("0s", 0),
            ("60", 60),
            ("90s", 90),
            ("5m", 300),
            ("1h30m", 5400),
        ];
        for (text, seconds) in table {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "-5s", "soon", "5 parsecs", "18446744073709551615", "8761h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn kinds_are_known_by_all_their_names() {
        for text in [
            "InClusterIPPool",
            "inclusterippool",
            "inclusterippools",
            "INCLUSTERIPPOOL",
        ] {
            assert_eq!(pool_kind(text), Ok(PoolKind::InClusterIPPool), "{text}");
        }
        assert!(
            pool_kind("pool")
                .unwrap_err()
                .contains("GlobalInClusterPrefixPool")
        );
    }

    #[test]
    fn the_address_stands_alone_but_a_prefix_keeps_its_length() {
        let pool = PoolKey {
            kind: "InClusterIPPool",
            namespace: Some("team-a".into()),
            name: "workers".into(),
        };
        let bound = Bound {
            namespace: "team-a".into(),
            name: "node-1".into(),
            pool,
            address: "192.0.2.10".into(),
            prefix: Some(24),
            gateway: Some("192.0.2.1".into()),
        };
        assert_eq!(address(&bound, PoolKind::InClusterIPPool), "192.0.2.10");
        assert_eq!(address(&bound, PoolKind::InClusterPrefixPool), "192.0.2.10/24");
        let expected =
            "team-a/node-1 is bound to InClusterIPPool team-a/workers, prefix length 24, gateway 192.0.2.1";
        assert_eq!(details(&bound), expected);
    }
}
