//! What a person's commands see and ask of a live cluster: plain lists, nothing watched; nothing written but the one
//! claim of [`ask`].
//!
//! ```text
//! pools, clusters, claims, addresses ──lists──► Snapshot ──► plan::{snapshot::rows, explain, audit}
//! ```
//!
//! Lists are taken at the same time but not at the same instant, so what looks like an address without its claim is
//! asked for once more ([`confirm`]) before anybody is told. What may not be read becomes a gap of the [`Snapshot`],
//! never an empty list.

pub mod ask;
mod confirm;
mod list;
mod progress;

use api::{
    capi::{Address, Claim, Cluster},
    pool::{AddressPoolSpec, Pool, PoolKind, PrefixPoolSpec},
};
use futures::future::try_join_all;
use jiff::Timestamp;
use kube::{Api, Client};
use runtime::answer::describe;

use self::list::{Found, Lister};
pub use self::{confirm::confirm, progress::Progress};
use crate::{
    controller::{Served, discover},
    plan::{
        index::PoolSpec,
        name::{ObjectName, PoolName},
        snapshot::Snapshot,
    },
};

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// The whole cluster. Where that is not permitted: this namespace, and a gap in the snapshot.
    Everywhere {
        /// Where to look instead; `None` makes a refusal an error.
        or_in: Option<&'a str>,
    },
    /// One namespace, and global pools.
    Namespace(&'a str),
}

impl<'a> Reach<'a> {
    /// As far as is needed to explain a claim in `namespace` that draws from `pool`: claims and addresses of a global
    /// pool may be anywhere.
    #[must_use]
    pub fn for_pool(pool: &PoolName, namespace: &'a str) -> Self {
        match pool.namespace() {
            Some(_) => Self::Namespace(namespace),
            None => Self::Everywhere {
                or_in: Some(namespace),
            },
        }
    }
}

/// Why nothing could be seen. The API server's words are part of the text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kinds are missing.
    #[error("{0}")]
    NotServed(String),
    /// The API server did not say which kinds it serves.
    #[error("cannot ask the API server which kinds it serves: {0}")]
    Discover(String),
    /// A list failed.
    #[error("cannot list {kind}: {why}")]
    List {
        /// The kind.
        kind: &'static str,
        /// What went wrong.
        why: String,
    },
    /// A read failed.
    #[error("cannot read {kind} {name}: {why}")]
    Read {
        /// The kind.
        kind: &'static str,
        /// Its name, with its namespace if it has one.
        name: String,
        /// What went wrong.
        why: String,
    },
}

impl Error {
    fn read(kind: &'static str, name: &ObjectName, error: &kube::Error) -> Self {
        Self::Read {
            kind,
            name: name.to_string(),
            why: describe(error),
        }
    }
}

/// Finds out which versions are served.
///
/// # Errors
/// When the API server does not answer, or Cluster API's definitions are missing.
pub async fn served(client: &Client) -> Result<Served, Error> {
    let answer = discover(client)
        .await
        .map_err(|error| Error::Discover(describe(&error)))?;
    answer.map_err(Error::NotServed)
}

/// Looks at everything the commands need.
///
/// Cost: one request per kind and 500 objects, all kinds at the same time; memory for all of them.
///
/// # Errors
/// When something is neither readable nor dispensable.
pub async fn take(
    client: &Client,
    served: &Served,
    reach: Reach<'_>,
    progress: &dyn Progress,
) -> Result<Snapshot, Error> {
    let lister = Lister {
        client,
        reach,
        progress,
    };
    let pools = try_join_all(PoolKind::ALL.map(|kind| pools(&lister, kind)));
    let (pools, clusters, claims, addresses) = futures::try_join!(
        pools,
        lister.list::<Cluster>("Cluster", &served.cluster_version),
        lister.list::<Claim>("IPAddressClaim", &served.version),
        lister.list::<Address>("IPAddress", &served.version),
    )?;
    if pools.iter().all(|found| matches!(found, PoolsFound::NotServed)) {
        let why = "no pool kind is served; install the custom resource definitions of the pools";
        return Err(Error::NotServed(why.to_owned()));
    }
    let mut snapshot = Snapshot::new(served.conditions, Timestamp::now());
    for found in pools {
        found.enter(&mut snapshot);
    }
    enter(clusters, &mut snapshot, "Cluster", |snapshot, clusters| {
        snapshot.add_clusters(&clusters);
    });
    enter(claims, &mut snapshot, "IPAddressClaim", |snapshot, claims| {
        claims.iter().for_each(|claim| {
            snapshot.add_claim(claim);
        });
    });
    enter(addresses, &mut snapshot, "IPAddress", |snapshot, addresses| {
        addresses.iter().for_each(|address| snapshot.add_address(address));
    });
    Ok(snapshot)
}

/// The claim itself, or `None` when there is none of that name.
///
/// # Errors
/// When the API server does not say.
pub async fn claim(
    client: &Client,
    served: &Served,
    namespace: &str,
    name: &str,
) -> Result<Option<Claim>, Error> {
    let api: Api<Claim> = Api::namespaced_with(client.clone(), namespace, &served.version);
    let answer = api.get_opt(name).await;
    answer.map_err(|error| Error::read("IPAddressClaim", &ObjectName::new(namespace, name), &error))
}

fn enter<K>(found: Found<K>, snapshot: &mut Snapshot, kind: &str, add: impl FnOnce(&mut Snapshot, Vec<K>)) {
    match found {
        Found::All(objects) => add(snapshot, objects),
        Found::Some(objects, gap) => {
            add(snapshot, objects);
            snapshot.add_gap(gap);
        }
        Found::Refused(gap) => snapshot.add_gap(gap),
        Found::NotServed => snapshot.add_gap(format!("{kind} is not served")),
    }
}

/// The pools of one kind. A kind that is not served has none: older releases have no prefix pools.
enum PoolsFound {
    Addresses(PoolKind, Found<Pool<AddressPoolSpec>>),
    Prefixes(PoolKind, Found<Pool<PrefixPoolSpec>>),
    NotServed,
}

async fn pools(lister: &Lister<'_>, kind: PoolKind) -> Result<PoolsFound, Error> {
    let found = if kind.is_prefix() {
        PoolsFound::Prefixes(kind, lister.list(kind.kind(), &kind).await?)
    } else {
        PoolsFound::Addresses(kind, lister.list(kind.kind(), &kind).await?)
    };
    Ok(match found {
        PoolsFound::Addresses(_, Found::NotServed) | PoolsFound::Prefixes(_, Found::NotServed) => {
            PoolsFound::NotServed
        }
        found => found,
    })
}

impl PoolsFound {
    fn enter(self, snapshot: &mut Snapshot) {
        match self {
            Self::Addresses(kind, found) => enter(found, snapshot, kind.kind(), |snapshot, pools| {
                for pool in pools {
                    snapshot.add_pool(kind, &pool, PoolSpec::Addresses(pool.spec.clone()));
                }
            }),
            Self::Prefixes(kind, found) => enter(found, snapshot, kind.kind(), |snapshot, pools| {
                for pool in pools {
                    snapshot.add_pool(kind, &pool, PoolSpec::Prefixes(pool.spec.clone()));
                }
            }),
            Self::NotServed => {}
        }
    }
}
