use serde_json::Value;

use super::super::failure::{Failure, Kind};
use super::super::http::Reply;
use crate::plan::facts::GuestInterface;

/// Reads what the guest reports of its interfaces, in its order (A.6). What cannot be read of one is left out, and
/// never spoils the others.
pub(in crate::source::proxmox) fn interfaces(reply: &Reply) -> Result<Vec<GuestInterface>, Failure> {
    let data: Value = super::data(reply, "the guest query")?;
    let result = data.get("result").unwrap_or(&Value::Null);
    if let Some(error) = result.get("error") {
        return Err(refused(error));
    }
    let Some(list) = result.as_array() else {
        return Err(Failure::new(
            Kind::Malformed,
            "the guest's answer holds no list of interfaces",
        ));
    };
    Ok(list.iter().filter_map(interface).collect())
}

/// The guest's own refusal. Its class is stable, its words are not.
fn refused(error: &Value) -> Failure {
    let text = |key| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let (class, words) = (text("class"), super::tidy(text("desc")));
    let blocked = class == "CommandNotFound" || class == "CommandDisabled";
    let kind = if blocked {
        Kind::CommandDisabled
    } else {
        Kind::Other
    };
    Failure::new(
        kind,
        format!("the guest agent refused: {} {words}", super::tidy(class)),
    )
}

fn interface(entry: &Value) -> Option<GuestInterface> {
    let addresses = entry
        .get("ip-addresses")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    Some(GuestInterface {
        name: entry.get("name")?.as_str()?.into(),
        mac: entry
            .get("hardware-address")
            .and_then(Value::as_str)
            .and_then(|mac| mac.parse().ok()),
        addresses: addresses
            .filter_map(|a| Some(a.get("ip-address")?.as_str()?.to_owned()))
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
            {"hardware-address":"1a:db:bb:c0:01:6c"}, "rubbish",
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
        ] {
            assert_eq!(read(body).unwrap_err().kind, Kind::Malformed, "{body}");
        }
        assert_eq!(read(r#"{"data":{"result":[]}}"#), Ok(vec![]));
    }
}
