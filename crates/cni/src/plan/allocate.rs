use std::net::IpAddr;

use addr::AddrSet;

use super::{Options, Range, RangeSet, choose};
use crate::error::{Error, code};

/// All that decides about an ADD, read once under the lock.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Addresses whose name is taken, by whatever.
    pub taken: AddrSet,
    /// Addresses that this attachment holds, or that a legacy reservation of its container holds; in the order of
    /// their file names.
    pub owned: Vec<IpAddr>,
    /// `last_reserved_ip.<number>` by number, where it holds an address.
    pub last: Vec<(usize, IpAddr)>,
    /// Addresses released too short a time ago \[E\]; used when there is nothing else.
    pub cooling: AddrSet,
    /// Addresses that the pod had before, latest first \[E\]; one that is free goes before all others.
    pub favoured: Vec<IpAddr>,
}

/// An address for the container, out of one range set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Number of the range set.
    pub set: usize,
    /// The address.
    pub address: IpAddr,
    /// Length of the subnet it comes from.
    pub prefix_length: u8,
    /// Gateway of its range.
    pub gateway: Option<IpAddr>,
    /// The attachment holds it already (`idempotentAdd`): nothing is to be reserved.
    pub held: bool,
    /// The pod had it before (`sticky`). The round robin goes on where it was: what comes behind this address may be
    /// what another pod comes back for.
    pub again: bool,
}

/// One address of every range set, in their order (spec §4.5).
///
/// # Errors
/// Code 999 in the words of spec §4.5: the address asked for cannot be had or lies in no set, a repeated ADD, or a
/// set without a free address. Nothing is granted then.
pub fn allocate(
    sets: &[RangeSet],
    requested: &[IpAddr],
    id: &str,
    options: &Options,
    snapshot: &Snapshot,
) -> Result<Vec<Grant>, Error> {
    let mut requested = requested.to_vec();
    let mut grants = Vec::with_capacity(sets.len());
    for set in sets {
        let wish = requested
            .iter()
            .position(|address| set.range_of(*address).is_some());
        let wish = wish.map(|at| requested.remove(at));
        let grant = from_set(set, wish, id, options, snapshot);
        let number = set.number;
        let grant =
            grant.map_err(|why| Error::allocator(format!("failed to allocate for range {number}: {why}")));
        grants.push(grant?);
    }
    if requested.is_empty() {
        return Ok(grants);
    }
    let left: Vec<String> = requested.iter().map(ToString::to_string).collect();
    Err(Error::allocator(format!(
        "failed to allocate all requested IPs: {}",
        left.join(" ")
    )))
}

fn from_set(
    set: &RangeSet,
    wish: Option<IpAddr>,
    id: &str,
    options: &Options,
    snapshot: &Snapshot,
) -> Result<Grant, String> {
    let held = snapshot
        .owned
        .iter()
        .find_map(|address| Some((*address, set.range_of(*address)?)));
    if options.idempotent_add
        && let Some((address, range)) = held
        && wish.is_none_or(|wish| wish == address)
    {
        return Ok(Grant {
            held: true,
            ..grant(set, range, address)
        });
    }
    if let Some(wish) = wish {
        check_wish(set, wish, snapshot)?;
    }
    if let Some((address, _)) = held {
        return Err(format!(
            "{address} has been allocated to {id}, duplicate allocation is not allowed"
        ));
    }
    let favoured = wish.is_none().then(|| favoured(set, snapshot)).flatten();
    let address = wish.or(favoured).or_else(|| next(set, snapshot));
    let found = address.and_then(|address| Some((address, set.range_of(address)?)));
    let (address, range) = found.ok_or_else(|| no_address(set))?;
    Ok(Grant {
        again: favoured.is_some(),
        ..grant(set, range, address)
    })
}

/// What the pod had before in this set, if it may be handed out.
fn favoured(set: &RangeSet, snapshot: &Snapshot) -> Option<IpAddr> {
    let is_free = |address: &&IpAddr| {
        let offered = set
            .range_of(**address)
            .is_some_and(|range| range.offers(**address));
        offered && !snapshot.taken.contains(**address)
    };
    snapshot.favoured.iter().find(is_free).copied()
}

fn check_wish(set: &RangeSet, wish: IpAddr, snapshot: &Snapshot) -> Result<(), String> {
    if set
        .range_of(wish)
        .is_some_and(|range| range.gateway == Some(wish))
    {
        return Err(format!("requested ip {wish} is subnet's gateway"));
    }
    if snapshot.taken.contains(wish) {
        return Err(format!(
            "requested IP address {wish} is not available in range set {set}"
        ));
    }
    Ok(())
}

fn next(set: &RangeSet, snapshot: &Snapshot) -> Option<IpAddr> {
    let last = snapshot.last.iter().find(|(number, _)| *number == set.number);
    let last = last.map(|(_, address)| *address);
    let rested = || {
        let unavailable = snapshot.taken.union(&snapshot.cooling);
        choose(set, &unavailable, last)
    };
    let rested = if snapshot.cooling.is_empty() {
        None
    } else {
        rested()
    };
    rested.or_else(|| choose(set, &snapshot.taken, last))
}

fn grant(set: &RangeSet, range: &Range, address: IpAddr) -> Grant {
    Grant {
        set: set.number,
        address,
        prefix_length: range.subnet.length(),
        gateway: range.gateway,
        held: false,
        again: false,
    }
}

fn no_address(set: &RangeSet) -> String {
    format!("no IP addresses available in range set: {set}")
}

/// STATUS: the first set without a free address, as the error that says so (code 50, spec §4.9).
#[must_use]
pub fn first_full(sets: &[RangeSet], taken: &AddrSet) -> Option<Error> {
    let set = full(sets, taken).next()?;
    Some(Error::new(code::NOT_AVAILABLE, no_address(set)))
}

/// The sets without a free address.
pub fn full<'a>(sets: &'a [RangeSet], taken: &'a AddrSet) -> impl Iterator<Item = &'a RangeSet> {
    sets.iter().filter(|set| choose(set, taken, None).is_none())
}
