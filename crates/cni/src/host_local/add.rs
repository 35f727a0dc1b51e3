use std::net::IpAddr;
use std::path::PathBuf;

use addr::AddrSet;

use super::{owner, reclaim};
use crate::error::Error;
use crate::file;
use crate::plan::{self, Config, Dns, Grant, Owner, RangeSet, Snapshot};
use crate::protocol::{Answer, Invocation, Network, warn};
use crate::store::{Session, Store};

/// How often an ADD decides anew because somebody who does not keep to the lock took the address it had chosen.
const ATTEMPTS: usize = 16;

/// Longest `resolvConf` that is read, in bytes. resolv.conf(5) has a few lines; the path may come from an annotation.
const MAX_RESOLV_CONF: u64 = 1 << 20;

/// Reserves one address of every range set for the attachment (spec §4.5), or none.
///
/// The answer takes the reservations back when nobody can be told of them.
///
/// # Errors
/// Code 999 in the words of the specification; 11 when the lock cannot be had.
pub fn add(call: &Invocation, network: &Network, config: &Config) -> Result<Answer, Error> {
    if config.range_sets.is_empty() {
        return Err(Error::allocator("no IP ranges specified"));
    }
    let dns = read_dns(config)?;
    let owner = owner(call);
    let store = Store::create(&config.data_dir, &network.name)?;
    let pod = Some(&call.args).filter(|_| config.options.sticky);
    let pod = pod.and_then(|args| plan::pod(args));
    let who = Who { owner, pod };
    let mut session = store.session()?;
    let reserved = prepare(&mut session, config).and_then(|()| reserve(&mut session, &who, config));
    if let Ok(grants) = &reserved {
        reclaim::record(&session, grants, call, config);
        if let Some(pod) = &who.pod {
            session.remember_pod(fresh(grants).map(|grant| grant.address), pod);
        }
    }
    session.end();
    let grants = reserved?;
    let result = plan::result(network.version, &grants, &config.routes, &dns);
    let undo = Undo {
        data_dir: config.data_dir.clone(),
        network: network.name.clone(),
        owner: who.owner,
        addresses: fresh(&grants).map(|grant| grant.address).collect(),
    };
    Ok(Answer::document(result).or_undo(move || undo.run()))
}

/// For whom addresses are reserved.
struct Who {
    owner: Owner,
    /// `namespace/name`, where that counts (`sticky`).
    pod: Option<String>,
}

/// Before anything is reserved: a file that cannot be read must not cost an address.
fn read_dns(config: &Config) -> Result<Dns, Error> {
    let Some(path) = &config.resolv_conf else {
        return Ok(Dns::default());
    };
    match file::read_small(path, MAX_RESOLV_CONF) {
        Ok(bytes) => Ok(Dns::parse(&String::from_utf8_lossy(&bytes))),
        Err(e) => Err(Error::allocator(format!(
            "cannot read ipam.resolvConf {}: {e}",
            path.display()
        ))),
    }
}

/// Frees what nobody holds.
fn prepare(session: &mut Session<'_>, config: &Config) -> Result<(), Error> {
    if config.options.cooldown > 0 {
        session.let_released_rest();
    }
    session.sweep();
    reclaim::after_boot(session, config.options.reclaim_on_boot == Some(true))
}

/// What may free an address when there is none: `true` if it did.
type Remedy = fn(&mut Session<'_>, &Config, &AddrSet) -> bool;

/// Decides and reserves; when there is no address, frees what is free in truth and tries once more.
fn reserve(session: &mut Session<'_>, who: &Who, config: &Config) -> Result<Vec<Grant>, Error> {
    let owner = &who.owner;
    // Each is tried once, the next one when those before have freed nothing.
    let mut remedies = [sweep_wanted as Remedy, reclaim::when_full].into_iter();
    for _ in 0..ATTEMPTS {
        let snapshot = observe(session, who, config)?;
        let (sets, options) = (&config.range_sets, &config.options);
        match plan::allocate(sets, &config.requested, &owner.id, options, &snapshot) {
            Ok(grants) => {
                if act(session, &grants, owner, config)? {
                    return Ok(grants);
                }
            }
            Err(error) => {
                if !remedies.any(|remedy| remedy(session, config, &snapshot.taken)) {
                    return Err(error);
                }
            }
        }
    }
    Err(Error::allocator(format!(
        "every address chosen in {ATTEMPTS} attempts was taken by a program that ignores the lock"
    )))
}

/// Removes torn files where an address is missing: in full sets, and among the addresses asked for.
fn sweep_wanted(session: &mut Session<'_>, config: &Config, taken: &AddrSet) -> bool {
    let full: Vec<&RangeSet> = plan::full(&config.range_sets, taken).collect();
    let in_full = |address: IpAddr| full.iter().any(|set| set.range_of(address).is_some());
    session.sweep_among(&config.requested, in_full) > 0
}

fn observe(session: &mut Session<'_>, who: &Who, config: &Config) -> Result<Snapshot, Error> {
    let holdings = session.holdings(&who.owner).complete()?;
    let mut owned = [holdings.exact, holdings.legacy].concat();
    owned.sort_unstable();
    let numbers = config.range_sets.iter().map(|set| set.number);
    Ok(Snapshot {
        taken: session.taken(),
        owned: owned
            .into_iter()
            .map(|held| held.address.to_canonical())
            .collect(),
        last: numbers
            .filter_map(|number| Some((number, session.last_reserved(number)?)))
            .collect(),
        cooling: match config.options.cooldown {
            0 => AddrSet::new(),
            seconds => session.released_within(seconds),
        },
        favoured: who
            .pod
            .as_deref()
            .map_or_else(Vec::new, |pod| session.addresses_of_pod(pod)),
    })
}

/// Carries the plan out, all of it or nothing; `false` when an address was snatched away.
fn act(session: &mut Session<'_>, grants: &[Grant], owner: &Owner, config: &Config) -> Result<bool, Error> {
    let mut done: Vec<IpAddr> = Vec::new();
    let outcome = carry_out(session, grants, owner, config, &mut done);
    if !matches!(outcome, Ok(true)) {
        for address in done {
            take_back(session, address);
        }
    }
    outcome
}

fn carry_out(
    session: &mut Session<'_>,
    grants: &[Grant],
    owner: &Owner,
    config: &Config,
    done: &mut Vec<IpAddr>,
) -> Result<bool, Error> {
    for grant in fresh(grants) {
        if !session.reserve(grant.address, owner, config.options.sync)? {
            return Ok(false);
        }
        done.push(grant.address);
        if !grant.again {
            session.set_last_reserved(grant.set, grant.address)?;
        }
    }
    if config.options.sync {
        session.sync()?;
    }
    Ok(true)
}

fn fresh(grants: &[Grant]) -> impl Iterator<Item = &Grant> {
    grants.iter().filter(|grant| !grant.held)
}

/// Exactly what this call reserved. What cannot be removed is left to DEL, which the runtime sends after a failure.
fn take_back(session: &mut Session<'_>, address: IpAddr) {
    let removed = session.reservation(address).and_then(|found| match found {
        Some(reservation) => session.withdraw(&reservation),
        None => Ok(()),
    });
    if let Err(e) = removed {
        warn(&format!("cannot take back {address}: {e}"));
    }
}

/// Takes reservations back after the lock was given back: only those that are still this attachment's.
struct Undo {
    data_dir: PathBuf,
    network: String,
    owner: Owner,
    addresses: Vec<IpAddr>,
}

impl Undo {
    fn run(self) {
        if let Err(e) = self.try_run() {
            warn(&format!("cannot take the reservations back: {e}"));
        }
    }

    fn try_run(&self) -> Result<(), Error> {
        let Some(store) = Store::open(&self.data_dir, &self.network)? else {
            return Ok(());
        };
        let mut session = store.session()?;
        let held = session.holdings(&self.owner).complete()?.exact;
        for reservation in held.iter().filter(|held| self.addresses.contains(&held.address)) {
            session.withdraw(reservation)?;
        }
        session.end();
        Ok(())
    }
}
