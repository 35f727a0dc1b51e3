//! The file in which `kube-node` keeps the ranges of its node (spec cni-ipam §5.5).
//!
//! The format is that of the replaced program, and administrators write such files by hand to run without an
//! API server. Keys of ours start with `x-`, which the replaced program ignores.

use super::{Reading, parse_cidr};
use crate::json::{Json, Object};

/// Where a file came from. Absent in one that somebody else wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Name of the network it was made for.
    pub network: String,
    /// Annotation the ranges were read from; empty for `spec.podCIDRs`.
    pub annotation: String,
    /// Of which node, and when they were read from the API server.
    pub reading: Reading,
}

/// What the file says.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeCache {
    /// Where allocations live; `None` means the default, whatever the configuration says.
    pub data_dir: Option<String>,
    /// `ranges`, and `routes` when the node names some: members of the `ipam` section.
    pub ranges: Object,
    /// `None` in a file that was made by hand or by the replaced program.
    pub origin: Option<Origin>,
}

impl NodeCache {
    /// Reads the file. `None` when it cannot be used: the API server is asked then.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let file: Json = serde_json::from_slice(text).ok()?;
        let file = file.as_object()?;
        if file.get("type")?.as_str()? != "host-local" {
            return None;
        }
        let data_dir = match file.get("dataDir") {
            None => None,
            Some(value) => Some(value.as_str()?.to_owned()).filter(|path| !path.is_empty()),
        };
        let origin = origin(file);
        // Only what we wrote may say more than subnets: the replaced program ignores the rest, so must we.
        let own = origin
            .as_ref()
            .and(file.get("x-ipam"))
            .and_then(Json::as_object)
            .cloned();
        let ranges = match own {
            Some(own) => own,
            None => subnets(file.get("ranges")?.as_list()?)?,
        };
        Some(Self {
            data_dir,
            ranges,
            origin,
        })
    }

    /// The text of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = Object::from_iter([("type", Json::from("host-local"))]);
        if let Some(data_dir) = &self.data_dir {
            file.set("dataDir", Json::from(data_dir.as_str()));
        }
        if let Some(ranges) = self.ranges.get("ranges") {
            file.set("ranges", ranges.clone());
        }
        if let Some(origin) = &self.origin {
            let reading = &origin.reading;
            for (key, value) in [
                ("x-network", &origin.network),
                ("x-annotation", &origin.annotation),
                ("x-node", &reading.node),
                ("x-node-uid", &reading.uid),
                ("x-machine-id", &reading.machine),
                ("x-boot", &reading.boot),
            ] {
                file.set(key, Json::from(value.as_str()));
            }
            file.set("x-time", Json::Number(reading.time.into()));
            if reading.tried != 0 {
                file.set("x-tried", Json::Number(reading.tried.into()));
            }
        }
        let plain = self
            .ranges
            .get("ranges")
            .and_then(Json::as_list)
            .and_then(subnets);
        if plain.as_ref() != Some(&self.ranges) {
            file.set("x-ipam", Json::Object(self.ranges.clone()));
        }
        serde_json::to_vec(&file).expect("a tree of JSON values with text keys is always JSON")
    }

    /// Whether the file may be used for this network and annotation.
    #[must_use]
    pub fn is_for(&self, network: &str, annotation: &str) -> bool {
        let same = |origin: &Origin| origin.network == network && origin.annotation == annotation;
        self.origin.as_ref().is_none_or(same)
    }
}

fn origin(file: &Object) -> Option<Origin> {
    let text = |key| file.get(key).and_then(Json::as_str).map(str::to_owned);
    let seconds = |key| match file.get(key) {
        Some(Json::Number(seconds)) => seconds.as_u64().unwrap_or(0),
        _ => 0,
    };
    Some(Origin {
        network: text("x-network")?,
        annotation: text("x-annotation").unwrap_or_default(),
        reading: Reading {
            node: text("x-node").unwrap_or_default(),
            uid: text("x-node-uid").unwrap_or_default(),
            machine: text("x-machine-id").unwrap_or_default(),
            boot: text("x-boot").unwrap_or_default(),
            time: seconds("x-time"),
            tried: seconds("x-tried"),
        },
    })
}

/// One or two sets of exactly one range each, of different families; only their subnets.
fn subnets(sets: &[Json]) -> Option<Object> {
    let mut is_ipv4 = Vec::with_capacity(2);
    let mut kept = Vec::with_capacity(2);
    for set in sets {
        let [range] = set.as_list()? else { return None };
        let subnet = range.as_object()?.get("subnet")?.as_str()?;
        is_ipv4.push(parse_cidr(subnet)?.address.is_ipv4());
        let range = Object::from_iter([("subnet", Json::from(subnet))]);
        kept.push(Json::List(vec![Json::Object(range)]));
    }
    let fits = match is_ipv4.as_slice() {
        [_] => true,
        [one, other] => one != other,
        _ => false,
    };
    fits.then(|| Object::from_iter([("ranges", Json::List(kept))]))
}

#[cfg(test)]
mod tests {
    use super::{NodeCache, Origin, Reading};
    use crate::json::{Json, Object};

    fn parse(text: &str) -> Option<NodeCache> {
        NodeCache::parse(text.as_bytes())
    }

    fn members(text: &str) -> Object {
        serde_json::from_str::<Json>(text)
            .unwrap()
            .as_object()
            .unwrap()
            .clone()
    }

    fn own(ranges: &str) -> NodeCache {
        let origin = Origin {
            network: "k8snet".to_owned(),
            annotation: "a/b".to_owned(),
            reading: Reading {
                node: "n1".to_owned(),
                uid: "u".to_owned(),
                machine: "m".to_owned(),
                boot: "b".to_owned(),
                time: 1000,
                tried: 7,
            },
        };
        NodeCache {
            data_dir: Some("/run/x".to_owned()),
            ranges: members(ranges),
            origin: Some(origin),
        }
    }

    #[test]
    fn a_file_made_by_hand_is_used_for_any_network() {
        let text = r#"{"type":"host-local","ranges":[[{"subnet":"192.0.2.0/24","rangeStart":"192.0.2.9"}]]}"#;
        let cache = parse(text).unwrap();
        assert_eq!(
            cache.ranges,
            members(r#"{"ranges":[[{"subnet":"192.0.2.0/24"}]]}"#)
        );
        assert_eq!(cache.data_dir, None);
        assert!(cache.is_for("any", "thing"));
        assert_eq!(cache.origin, None);
    }

    #[test]
    fn what_the_replaced_program_refuses_is_refused() {
        for text in [
            "",
            "{\"type\":",
            "[]",
            r#"{"ranges":[[{"subnet":"192.0.2.0/24"}]]}"#,
            r#"{"type":"x","ranges":[[{"subnet":"192.0.2.0/24"}]]}"#,
            r#"{"type":"host-local"}"#,
            r#"{"type":"host-local","ranges":[]}"#,
            r#"{"type":"host-local","ranges":[[]]}"#,
            r#"{"type":"host-local","ranges":[[{"subnet":"foo"}]]}"#,
            r#"{"type":"host-local","ranges":[[{"subnet":"192.0.2.0/24"},{"subnet":"198.51.100.0/24"}]]}"#,
            r#"{"type":"host-local","ranges":[[{"subnet":"192.0.2.0/24"}],[{"subnet":"198.51.100.0/24"}]]}"#,
            r#"{"type":"host-local","dataDir":1,"ranges":[[{"subnet":"192.0.2.0/24"}]]}"#,
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_we_write_reads_back_the_same() {
        for ranges in [
            r#"{"ranges":[[{"subnet":"192.0.2.0/24"}],[{"subnet":"2001:db8::/64"}]]}"#,
            r#"{"ranges":[[{"subnet":"192.0.2.0/24","rangeStart":"192.0.2.9"}]],"routes":[{"dst":"::/0"}]}"#,
        ] {
            let cache = own(ranges);
            assert_eq!(NodeCache::parse(&cache.to_bytes()), Some(cache));
        }
    }

    #[test]
    fn the_replaced_program_finds_what_it_needs() {
        let text = String::from_utf8(own(r#"{"ranges":[[{"subnet":"192.0.2.0/24"}]]}"#).to_bytes()).unwrap();
        assert!(
            text.starts_with(
                r#"{"type":"host-local","dataDir":"/run/x","ranges":[[{"subnet":"192.0.2.0/24"}]],"x-"#
            ),
            "{text}"
        );
    }

    #[test]
    fn a_file_of_another_network_is_not_ours() {
        let cache = own(r#"{"ranges":[[{"subnet":"192.0.2.0/24"}]]}"#);
        assert!(cache.is_for("k8snet", "a/b"));
        assert!(!cache.is_for("other", "a/b"));
        assert!(!cache.is_for("k8snet", ""));
    }
}
