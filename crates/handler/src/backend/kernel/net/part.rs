//! Documents of which only the filled fields count.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The fields of `wish` that `now` does not have with the same value; none when nothing is missing.
///
/// Fields of `wish` that are null say nothing.
pub(crate) fn missing<T: Serialize + DeserializeOwned>(wish: &T, now: &T) -> Option<T> {
    let (wish, now) = (fields(wish), fields(now));
    let rest: Map<String, Value> = wish
        .into_iter()
        .filter(|(key, value)| !value.is_null() && now.get(key) != Some(value))
        .collect();
    if rest.is_empty() {
        return None;
    }
    serde_json::from_value(Value::Object(rest)).ok()
}

/// `base` with the filled fields of `top` written over it.
#[cfg(test)]
pub(crate) fn overlay<T: Serialize + DeserializeOwned + Clone>(base: &T, top: &T) -> T {
    let mut all = fields(base);
    all.extend(fields(top).into_iter().filter(|(_, value)| !value.is_null()));
    serde_json::from_value(Value::Object(all)).unwrap_or_else(|_| top.clone())
}

fn fields<T: Serialize>(of: &T) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}
