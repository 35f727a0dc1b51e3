use std::fmt;
use std::net::IpAddr;

use addr::Family;

use super::Range;
use super::fields;
use super::options::Options;
use super::range::Written;
use crate::error::Error;
use crate::json::Json;

/// Ranges of one family from which one address per ADD is taken. Displayed as `first-last[,first-last...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeSet {
    /// Position in the configuration: `last_reserved_ip.<number>`, and what messages call it.
    pub number: usize,
    /// In the order written; never empty, no two overlap, all of one family.
    pub ranges: Vec<Range>,
}

impl RangeSet {
    /// The family of every address in the set.
    #[must_use]
    pub fn family(&self) -> Family {
        self.ranges
            .first()
            .map_or(Family::V4, |range| range.addresses.family())
    }

    /// The range an address lies in.
    #[must_use]
    pub fn range_of(&self, address: IpAddr) -> Option<&Range> {
        self.ranges.iter().find(|range| range.addresses.contains(address))
    }

    /// Checks and completes the set (spec §4.2).
    pub(super) fn check(number: usize, written: Vec<Written>, options: &Options) -> Result<Self, Error> {
        let named = |why: String| Error::allocator(format!("invalid range set {number}: {why}"));
        let ranges: Result<Vec<Range>, String> =
            written.into_iter().map(|range| range.check(options)).collect();
        let set = Self {
            number,
            ranges: ranges.map_err(named)?,
        };
        set.check_ranges().map_err(named)?;
        Ok(set)
    }

    fn check_ranges(&self) -> Result<(), String> {
        if self.ranges.is_empty() {
            return Err("empty range set".to_owned());
        }
        let family = self.family();
        if self.ranges.iter().any(|range| range.addresses.family() != family) {
            return Err("mixed address families".to_owned());
        }
        for (i, one) in self.ranges.iter().enumerate() {
            for other in self.ranges.iter().skip(i + 1) {
                if one.addresses.intersection(other.addresses).is_some() {
                    return Err(format!("subnets {one} and {other} overlap"));
                }
            }
        }
        Ok(())
    }

    /// Whether both sets have an address in common.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.ranges.iter().any(|one| {
            let meets = |range: &Range| one.addresses.intersection(range.addresses).is_some();
            other.ranges.iter().any(meets)
        })
    }
}

impl fmt::Display for RangeSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.ranges.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(out, "{comma}{range}")?;
        }
        Ok(())
    }
}

/// A list of lists of ranges.
pub(super) fn read(sets: &[Json], path: &str) -> Result<Vec<Vec<Written>>, Error> {
    let numbered = sets.iter().enumerate();
    numbered
        .map(|(i, set)| read_set(set, &format!("{path}[{i}]")))
        .collect()
}

fn read_set(set: &Json, path: &str) -> Result<Vec<Written>, Error> {
    let ranges = match set {
        Json::Null => &[],
        Json::List(ranges) => ranges.as_slice(),
        other => {
            return Err(fields::wrong_kind(
                path,
                "a list of ranges, such as [[{\"subnet\": …}]]",
                other,
            ));
        }
    };
    let read = |(i, range): (usize, &Json)| {
        let path = format!("{path}[{i}]");
        match range {
            Json::Null => Written::read(&crate::json::Object::default(), &path),
            Json::Object(range) => Written::read(range, &path),
            other => Err(fields::wrong_kind(&path, "an object", other)),
        }
    };
    ranges.iter().enumerate().map(read).collect()
}
