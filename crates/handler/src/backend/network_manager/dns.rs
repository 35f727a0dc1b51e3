//! NetworkManager's global DNS configuration, kept to be put back.
//!
//! A checkpoint of NetworkManager before 1.48 does not restore it (specification §9.2).

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use zbus::zvariant::{OwnedValue, Value};

/// Value of the property `GlobalDnsConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GlobalDns {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    searches: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    options: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    domains: BTreeMap<String, Domain>,
}

/// Servers for one domain; `*` is all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Domain {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    servers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    options: Vec<String>,
}

/// A dictionary of the bus.
pub(super) type Dict = HashMap<String, OwnedValue>;

impl GlobalDns {
    /// Reads the property.
    pub(super) fn read(mut value: Dict) -> zbus::zvariant::Result<Self> {
        let domains = match value.remove("domains") {
            Some(domains) => Dict::try_from(domains)?,
            None => Dict::new(),
        };
        Ok(Self {
            searches: texts(&mut value, "searches")?,
            options: texts(&mut value, "options")?,
            domains: domains
                .into_iter()
                .map(|(name, domain)| {
                    let mut domain = Dict::try_from(domain)?;
                    let servers = texts(&mut domain, "servers")?;
                    let options = texts(&mut domain, "options")?;
                    Ok((name, Domain { servers, options }))
                })
                .collect::<zbus::zvariant::Result<_>>()?,
        })
    }

    /// The value to set the property to; an empty one takes all global servers away.
    pub(super) fn write(&self) -> HashMap<&str, Value<'_>> {
        let mut dict = lists([("searches", &self.searches), ("options", &self.options)]);
        if !self.domains.is_empty() {
            let domains: HashMap<&str, Value<'_>> = self
                .domains
                .iter()
                .map(|(name, domain)| {
                    let domain = lists([("servers", &domain.servers), ("options", &domain.options)]);
                    (name.as_str(), Value::from(domain))
                })
                .collect();
            dict.insert("domains", Value::from(domains));
        }
        dict
    }
}

fn texts(dict: &mut Dict, key: &str) -> zbus::zvariant::Result<Vec<String>> {
    dict.remove(key)
        .map_or_else(|| Ok(Vec::new()), Vec::<String>::try_from)
}

fn lists<const N: usize>(
    entries: [(&'static str, &Vec<String>); N],
) -> HashMap<&'static str, Value<'static>> {
    entries
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(key, list)| (key, Value::from(list.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over_the_bus(config: &GlobalDns) -> GlobalDns {
        let sent = config
            .write()
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.try_to_owned().unwrap()))
            .collect();
        GlobalDns::read(sent).unwrap()
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let full = GlobalDns {
            searches: vec!["example.net".to_owned()],
            options: vec!["rotate".to_owned()],
            domains: BTreeMap::from([(
                "*".to_owned(),
                Domain {
                    servers: vec!["192.0.2.53".to_owned(), "2001:db8::53".to_owned()],
                    options: Vec::new(),
                },
            )]),
        };
        assert_eq!(over_the_bus(&full), full);
        assert_eq!(over_the_bus(&GlobalDns::default()), GlobalDns::default());
        assert!(GlobalDns::default().write().is_empty());
    }
}
