use std::fmt;
use std::net::IpAddr;

use super::{AddrRange, Bits, Family};

/// A network: a base address without host bits, and a prefix length.
///
/// Ordered by base address (IPv4 first), then by length, so a network sorts before its own parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    base: IpAddr,
    length: u8,
}

/// A prefix length that the address family does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("prefix length {length} is too long for {family}; use 0 to {}", family.bits())]
pub struct PrefixError {
    /// The refused length.
    pub length: u8,
    /// The family it was meant for.
    pub family: Family,
}

impl PrefixError {
    /// `Ok` when `family` has prefixes of this length.
    pub(crate) const fn check(family: Family, length: u8) -> Result<(), Self> {
        if length <= family.bits() {
            Ok(())
        } else {
            Err(Self { length, family })
        }
    }
}

impl Prefix {
    /// The network of `length` around `address`; host bits are cleared.
    ///
    /// # Errors
    /// When `length` is longer than the family of the address: 32 for IPv4, 128 for IPv6.
    pub fn new_masked(address: IpAddr, length: u8) -> Result<Self, PrefixError> {
        PrefixError::check(Family::of(address), length)?;
        Ok(Self::masked(address, length))
    }

    /// [`new_masked`](Self::new_masked) for a length that was checked before.
    pub(crate) fn masked(address: IpAddr, length: u8) -> Self {
        let family = Family::of(address);
        let base = family.address(address.bits() & !family.host_mask(length));
        Self { base, length }
    }

    /// The lowest address of the network.
    #[must_use]
    pub const fn base(&self) -> IpAddr {
        self.base
    }

    /// The prefix length: 0 to 32 for IPv4, 0 to 128 for IPv6.
    #[must_use]
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// The address family.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(self.base)
    }

    /// All addresses of the network, base and last address included.
    #[must_use]
    pub fn range(&self) -> AddrRange {
        let (family, base) = (self.family(), self.base.bits());
        AddrRange::from_bits(family, base, base | family.host_mask(self.length))
    }

    /// Whether the address lies in the network. An address of the other family never does.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.range().contains(address)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.length)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
