use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Family, Prefix};

/// An inclusive range of addresses of one family; never empty.
///
/// Ordered by first address (IPv4 first), then by last address. Displayed as `first-last`, even for one address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddrRange(pub(crate) Words);

/// The two families apart, so that a mixed range cannot be written down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Words {
    V4(u32, u32),
    V6(u128, u128),
}

/// Two addresses that are not the ends of a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The ends belong to different families.
    #[error("{first} and {last} belong to different address families; write one range per family")]
    MixedFamilies {
        /// First end as given.
        first: IpAddr,
        /// Last end as given.
        last: IpAddr,
    },
    /// The first end is above the last one.
    #[error("{first}-{last} ends before it starts; write the lower address first")]
    Reversed {
        /// First end as given.
        first: IpAddr,
        /// Last end as given.
        last: IpAddr,
    },
}

impl AddrRange {
    /// The range from `first` to `last`, both included; equal ends are fine.
    ///
    /// # Errors
    /// When the ends belong to different families, or `first` is above `last`.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, RangeError> {
        let words = match (first, last) {
            (IpAddr::V4(a), IpAddr::V4(b)) if a <= b => Words::V4(a.to_bits(), b.to_bits()),
            (IpAddr::V6(a), IpAddr::V6(b)) if a <= b => Words::V6(a.to_bits(), b.to_bits()),
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
                return Err(RangeError::Reversed { first, last });
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                return Err(RangeError::MixedFamilies { first, last });
            }
        };
        Ok(Self(words))
    }

    /// The range that holds just this address.
    #[must_use]
    pub const fn single(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(a) => Self(Words::V4(a.to_bits(), a.to_bits())),
            IpAddr::V6(a) => Self(Words::V6(a.to_bits(), a.to_bits())),
        }
    }

    /// Every address of a family: `0.0.0.0/0` or `::/0`.
    #[must_use]
    pub const fn whole(family: Family) -> Self {
        match family {
            Family::V4 => Self(Words::V4(0, u32::MAX)),
            Family::V6 => Self(Words::V6(0, u128::MAX)),
        }
    }

    /// Ends must be in order and within the family; callers derive them from addresses, so they are.
    pub(crate) const fn from_bits(family: Family, first: u128, last: u128) -> Self {
        match family {
            #[expect(clippy::cast_possible_truncation, reason = "callers keep IPv4 bits within 32")]
            Family::V4 => Self(Words::V4(first as u32, last as u32)),
            Family::V6 => Self(Words::V6(first, last)),
        }
    }

    /// First and last address as numbers.
    pub(crate) fn bits(&self) -> (u128, u128) {
        match self.0 {
            Words::V4(first, last) => (first.into(), last.into()),
            Words::V6(first, last) => (first, last),
        }
    }

    /// The lowest address.
    #[must_use]
    pub const fn first(&self) -> IpAddr {
        match self.0 {
            Words::V4(first, _) => IpAddr::V4(Ipv4Addr::from_bits(first)),
            Words::V6(first, _) => IpAddr::V6(Ipv6Addr::from_bits(first)),
        }
    }

    /// The highest address.
    #[must_use]
    pub const fn last(&self) -> IpAddr {
        match self.0 {
            Words::V4(_, last) => IpAddr::V4(Ipv4Addr::from_bits(last)),
            Words::V6(_, last) => IpAddr::V6(Ipv6Addr::from_bits(last)),
        }
    }

    /// The family of both ends.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self.0 {
            Words::V4(..) => Family::V4,
            Words::V6(..) => Family::V6,
        }
    }

    /// Whether the address lies in the range. An address of the other family never does.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.covers(Self::single(address))
    }

    /// Whether every address of `other` lies in this range.
    #[must_use]
    pub fn covers(&self, other: Self) -> bool {
        let ((a, b), (c, d)) = (self.bits(), other.bits());
        self.family() == other.family() && a <= c && d <= b
    }

    /// The addresses in both ranges, `None` when there are none.
    #[must_use]
    pub fn intersection(&self, other: Self) -> Option<Self> {
        let ((a, b), (c, d)) = (self.bits(), other.bits());
        let (first, last) = (a.max(c), b.min(d));
        (self.family() == other.family() && first <= last)
            .then(|| Self::from_bits(self.family(), first, last))
    }

    /// Number of addresses, 1 to 2^128; only `::/0` does not fit and saturates at [`u128::MAX`].
    #[must_use]
    pub fn count(&self) -> u128 {
        let (first, last) = self.bits();
        (last - first).saturating_add(1)
    }

    /// The range as the prefix it is, or `None` when no single prefix covers exactly these addresses.
    #[must_use]
    pub fn as_prefix(&self) -> Option<Prefix> {
        let (family, (first, last)) = (self.family(), self.bits());
        let host_bits = u128::BITS - (first ^ last).leading_zeros();
        let length = family.bits() - u8::try_from(host_bits).ok()?;
        let prefix = Prefix::masked(self.first(), length);
        (prefix.range() == *self).then_some(prefix)
    }
}

impl From<IpAddr> for AddrRange {
    fn from(address: IpAddr) -> Self {
        Self::single(address)
    }
}

impl From<Prefix> for AddrRange {
    fn from(prefix: Prefix) -> Self {
        prefix.range()
    }
}

impl fmt::Display for AddrRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first(), self.last())
    }
}

impl fmt::Debug for AddrRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
