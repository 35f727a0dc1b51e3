/// A count for an API field that is a signed 64-bit integer: saturates at 2^63 - 1 (spec §9).
///
/// This is the one place where counts become narrower than `u128`.
#[must_use]
pub fn saturating_i64(count: u128) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
