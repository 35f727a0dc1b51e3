//! Reading what was written by others.

use serde::{Deserialize, Deserializer};

/// Reads an explicit `null` as the default: people and older documents write both.
pub(super) fn absent<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
