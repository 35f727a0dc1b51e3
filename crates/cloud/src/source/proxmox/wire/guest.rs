use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};

use super::super::failure::{Failure, Kind};
use super::super::http::Reply;
use super::Scalar;
use super::lenient::{Lenient, List, Shape, object};
use crate::plan::facts::GuestInterface;

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    result: Lenient<Outcome>,
}

/// A list when the guest answered, an object when it refused.
enum Outcome {
    Interfaces(List<Entry>),
    Refused(Refused),
}

impl Shape for Outcome {
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        let envelope: Option<RefusalEnvelope> = object(map)?;
        Ok(envelope.and_then(|envelope| envelope.error.0).map(Self::Refused))
    }

    fn from_seq<'de, A: SeqAccess<'de>>(seq: A) -> Result<Option<Self>, A::Error> {
        Ok(List::from_seq(seq)?.map(Self::Interfaces))
    }
}

#[derive(Deserialize)]
struct RefusalEnvelope {
    #[serde(default)]
    error: Lenient<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    class: Scalar,
    #[serde(default)]
    desc: Scalar,
}

/// An interface of the guest.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    #[serde(default)]
    name: Scalar,
    #[serde(default)]
    hardware_address: Scalar,
    #[serde(default)]
    ip_addresses: Lenient<List<Address>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Address {
    #[serde(default)]
    ip_address: Scalar,
}

impl Shape for Data {
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        object(map)
    }
}

impl Shape for Refused {
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        object(map)
    }
}

impl Shape for Entry {
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        object(map)
    }
}

impl Shape for Address {
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        object(map)
    }
}

/// Reads what the guest reports of its interfaces, in its order (A.6). What cannot be read of one is left out, and
/// never spoils the others.
pub(in crate::source::proxmox) fn interfaces(reply: &Reply) -> Result<Vec<GuestInterface>, Failure> {
    let data: Lenient<Data> = super::data(reply, "the guest query")?;
    match data.0.and_then(|data| data.result.0) {
        Some(Outcome::Interfaces(List(entries))) => Ok(entries.into_iter().filter_map(interface).collect()),
        Some(Outcome::Refused(error)) => Err(refused(error)),
        None => Err(Failure::new(
            Kind::Malformed,
            "the guest's answer holds no list of interfaces",
        )),
    }
}

/// The guest's own refusal. Its class is stable, its words are not.
fn refused(error: Refused) -> Failure {
    let (class, words) = (
        error.class.into_string().unwrap_or_default(),
        super::tidy(&error.desc.into_string().unwrap_or_default()),
    );
    let blocked = class == "CommandNotFound" || class == "CommandDisabled";
    let kind = if blocked {
        Kind::CommandDisabled
    } else {
        Kind::Other
    };
    Failure::new(
        kind,
        format!("the guest agent refused: {} {words}", super::tidy(&class)),
    )
}

fn interface(entry: Entry) -> Option<GuestInterface> {
    let addresses = entry.ip_addresses.0.map_or_else(Vec::new, |list| list.0);
    Some(GuestInterface {
        name: entry.name.into_string()?.into(),
        mac: entry
            .hardware_address
            .into_string()
            .and_then(|mac| mac.parse().ok()),
        addresses: addresses
            .into_iter()
            .filter_map(|address| address.ip_address.into_string())
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn read(body: &str) -> Result<Vec<GuestInterface>, Failure> {
        interfaces(&Reply {
            status: 200,
            reason: "OK".into(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        })
    }

    #[test]
    fn interfaces_are_read_in_order_and_odd_entries_do_no_harm() {
        let list = read(
            r#"{"data":{"result":[
            {"name":"lo","hardware-address":"00:00:00:00:00:00","ip-addresses":[
              {"ip-address-type":"ipv4","ip-address":"127.0.0.1","prefix":8},{"ip-address":7},{"prefix":"x"},3,
              {"ip-address-type":"ipv6","ip-address":"::1","prefix":128}],"statistics":{}},
            {"name":"vxlan.calico","hardware-address":"1a:db:bb:c0:01:6b"},
            {"hardware-address":"1a:db:bb:c0:01:6c"}, "rubbish", 1, -1, 0.5, true, null, [[1], {"name":"x"}],
            {"name":"Ethernet 2","hardware-address":"?","ip-addresses":null,"new":1}]}}"#,
        )
        .unwrap();
        let names: Vec<_> = list.iter().map(|i| &*i.name).collect();
        assert_eq!(names, ["lo", "vxlan.calico", "Ethernet 2"]);
        assert_eq!(list[0].addresses, ["127.0.0.1", "::1"]);
        assert!(list[1].mac.is_some() && list[2].mac.is_none() && list[2].addresses.is_empty());
    }

    #[test]
    fn case_45_a_guest_that_blocks_the_command_says_so_by_its_class() {
        let failure =
            read(r#"{"data":{"result":{"error":{"class":"CommandNotFound","desc":"has been disabled"}}}}"#)
                .unwrap_err();
        assert_eq!(failure.kind, Kind::CommandDisabled);
        let other = read(r#"{"data":{"result":{"error":{"class":"GenericError","desc":"x"}}}}"#).unwrap_err();
        assert_eq!(other.kind, Kind::Other);
    }

    #[test]
    fn case_44_an_answer_without_a_list_is_no_list() {
        for body in [
            r#"{"data":{"result":null}}"#,
            r#"{"data":null}"#,
            r#"{"data":{}}"#,
            r#"{"data":{"result":{}}}"#,
            r#"{"data":{"result":{"error":7}}}"#,
            r#"{"data":{"result":"[]"}}"#,
            r#"{"data":[[]]}"#,
        ] {
            assert_eq!(read(body).unwrap_err().kind, Kind::Malformed, "{body}");
        }
        assert_eq!(read(r#"{"data":{"result":[]}}"#), Ok(vec![]));
    }
}
