//! The fields of a Node that matter, taken out of the JSON text as it arrives; the rest is skipped, not kept.

use std::{collections::HashMap, fmt, io::Read, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A node of the cluster, as far as it is of interest here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) annotations: HashMap<String, String>,
    /// `spec.podCIDRs`; `None` when absent.
    pub(crate) pod_cidrs: Option<Vec<String>>,
    /// `spec.podCIDR`, the older single one.
    pub(crate) pod_cidr: Option<String>,
    /// `status.nodeInfo.machineID`.
    pub(crate) machine_id: String,
}

#[derive(Deserialize)]
struct Wire {
    metadata: Metadata,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    uid: Option<String>,
    annotations: Option<HashMap<String, String>>,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(rename = "podCIDRs")]
    pod_cidrs: Option<Vec<String>>,
    #[serde(rename = "podCIDR")]
    pod_cidr: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(rename = "nodeInfo")]
    node_info: Option<NodeInfo>,
}

#[derive(Deserialize)]
struct NodeInfo {
    #[serde(rename = "machineID")]
    machine_id: Option<String>,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(input)?;
        let spec = wire.spec.unwrap_or_default();
        let node_info = wire.status.and_then(|status| status.node_info);
        Ok(Self {
            name: wire.metadata.name,
            uid: wire.metadata.uid.unwrap_or_default(),
            annotations: wire.metadata.annotations.unwrap_or_default(),
            pod_cidrs: spec.pod_cidrs,
            pod_cidr: spec.pod_cidr.filter(|cidr| !cidr.is_empty()),
            machine_id: node_info.and_then(|info| info.machine_id).unwrap_or_default(),
        })
    }
}

/// One object from the text of a response.
pub(crate) fn read_one<T: for<'de> Deserialize<'de>>(body: impl Read) -> serde_json::Result<T> {
    let mut input = serde_json::Deserializer::from_reader(body);
    let object = T::deserialize(&mut input)?;
    input.end()?;
    Ok(object)
}

/// Gives the items of a list to `each`, one after the other: no more than one is in memory.
pub(crate) fn read_items<T: for<'de> Deserialize<'de>>(
    body: impl Read,
    each: &mut dyn FnMut(T),
) -> serde_json::Result<()> {
    let mut input = serde_json::Deserializer::from_reader(body);
    let found = List(each, PhantomData).deserialize(&mut input)?;
    input.end()?;
    if found {
        Ok(())
    } else {
        Err(serde::de::Error::custom("a list without items"))
    }
}

struct List<'a, T>(&'a mut dyn FnMut(T), PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<bool, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<'_, T> {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of Kubernetes objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = members.next_key::<String>()? {
            if key == "items" {
                members.next_value_seed(Items(&mut *self.0, PhantomData))?;
                found = true;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct Items<'a, T>(&'a mut dyn FnMut(T), PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Items<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<'_, T> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list or null")
    }

    /// An empty list may come as `null`.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            (self.0)(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, read_items, read_one};

    #[test]
    fn a_node_is_read_and_the_rest_skipped() {
        let text = r#"{"kind":"Node","metadata":{"name":"n1","uid":"u","labels":{"a":"b"},"annotations":{"k":"v"}},
            "spec":{"podCIDR":"","podCIDRs":["10.0.0.0/24"],"taints":[{"key":"x"}]},
            "status":{"images":[{"names":["a","b"]}],"nodeInfo":{"machineID":"m","kernelVersion":"6"}}}"#;
        let node: Node = read_one(text.as_bytes()).unwrap();
        assert_eq!(
            (node.name.as_str(), node.uid.as_str(), node.machine_id.as_str()),
            ("n1", "u", "m")
        );
        assert_eq!(node.annotations["k"], "v");
        assert_eq!(
            (node.pod_cidrs, node.pod_cidr),
            (Some(vec!["10.0.0.0/24".to_owned()]), None)
        );
    }

    #[test]
    fn absent_and_null_are_the_same() {
        let node: Node =
            read_one(r#"{"metadata":{"name":"n"},"spec":{"podCIDRs":null},"status":null}"#.as_bytes())
                .unwrap();
        assert_eq!(
            node,
            Node {
                name: "n".to_owned(),
                ..Node::default()
            }
        );
    }

    #[test]
    fn items_come_one_by_one() {
        let mut names = Vec::new();
        let mut each = |node: Node| names.push(node.name);
        let text = r#"{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"#;
        read_items(text.as_bytes(), &mut each).unwrap();
        read_items(r#"{"items":null}"#.as_bytes(), &mut each).unwrap();
        assert!(read_items(r#"{"kind":"x"}"#.as_bytes(), &mut each).is_err());
        assert!(read_items(r#"{"items":[{"spec":{}}]}"#.as_bytes(), &mut each).is_err());
        assert!(read_one::<Node>(r#"{"items":[]}"#.as_bytes()).is_err());
        assert_eq!(names, ["a", "b"]);
    }
}
