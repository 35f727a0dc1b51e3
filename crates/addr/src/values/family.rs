use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address family.
///
/// An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is [`Family::V6`] and never equal to the IPv4 address (spec §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4, 32 bit.
    V4,
    /// IPv6, 128 bit.
    V6,
}

impl Family {
    /// Both families, in the order in which sets list them.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// Length of an address in bits: 32 or 128. Also the longest prefix length.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The lowest address: `0.0.0.0` or `::`.
    #[must_use]
    pub const fn lowest(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// The highest address: `255.255.255.255` or `ffff:…:ffff`.
    #[must_use]
    pub const fn highest(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::BROADCAST),
            Self::V6 => IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)),
        }
    }

    /// The bits of the highest address; as a number this is also the size of the family less one.
    pub(crate) const fn max_bits(self) -> u128 {
        match self {
            Self::V4 => u32::MAX as u128,
            Self::V6 => u128::MAX,
        }
    }

    /// The bits of an address that are no part of a prefix of `length`.
    ///
    /// `length` must not be longer than the family; then no shift here can overflow, not even for length 0.
    pub(crate) const fn host_mask(self, length: u8) -> u128 {
        match u128::MAX.checked_shr(128 - (self.bits() - length) as u32) {
            Some(mask) => mask,
            // A shift by 128: no host bits at all.
            None => 0,
        }
    }

    /// The address with these bits. Bits above the family's size are dropped; callers never have any.
    pub(crate) const fn address(self, bits: u128) -> IpAddr {
        match self {
            #[expect(clippy::cast_possible_truncation, reason = "callers keep IPv4 bits within 32")]
            Self::V4 => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
            Self::V6 => IpAddr::V6(Ipv6Addr::from_bits(bits)),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// An address as a number, whatever its family.
pub(crate) trait Bits {
    fn bits(self) -> u128;
}

impl Bits for IpAddr {
    fn bits(self) -> u128 {
        match self {
            Self::V4(a) => u128::from(a.to_bits()),
            Self::V6(a) => a.to_bits(),
        }
    }
}
