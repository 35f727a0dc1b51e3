//! The numbered cases 150 to 161.

use std::path::Path;

use serde_json::json;

use super::{Base, FIRST, KEY, node, support::own_node};

#[test]
fn case_150() {
    let base = Base::new(FIRST);
    base.add().ok(&["172.16.5.2/24>172.16.5.1"]);
    let held = base.bench.reservations("mynet");
    assert_eq!(
        held.into_iter().collect::<Vec<_>>(),
        [("172.16.5.2".to_owned(), "c1/eth0".to_owned())]
    );
    assert!(!Path::new(&base.bench.path("ignored")).exists());
}

#[test]
fn case_151() {
    let base = Base::new(
        r#""ranges": [[{"subnet":"4000::16.0.0.0/120"}],[{"subnet":"16.0.0.0/24"}]], "dataDir":"D""#,
    );
    base.add()
        .ok(&["4000::1000:2/120>4000::1000:1", "16.0.0.2/24>16.0.0.1"]);
}

#[test]
fn case_152() {
    let base = Base::new(FIRST);
    base.set_next("cat");
    let output = base.bench.call_for(
        "",
        "",
        &base.network(&json!({}), &json!({"isGateway": true, "args": {"x": [1]}})),
    );
    assert_eq!(output.code, 0, "{output:?}");
    let expected = json!({
        "cniVersion": "1.0.0", "name": "mynet", "type": "ipvlan", "master": "eth0", "isGateway": true, "args": {"x": [1]},
        "ipam": {"type": "cat", "ranges": [[{"subnet": "172.16.5.0/24"}]], "dataDir": base.bench.data()},
    });
    assert_eq!(output.json(), expected);
}

#[test]
fn case_153() {
    let base = Base::new(FIRST);
    base.api().set_nodes(&[own_node("me")]);
    base.add().error(11, "FAILED: Annotation not found", "");
}

#[test]
fn case_154() {
    let base = Base::new(FIRST);
    base.bench
        .call_for("", "", "")
        .error(11, "FAILED: No annotation specified", "");
}

#[test]
fn case_154a() {
    let base = Base::new(FIRST);
    let network = json!({"cniVersion": "1.0.0", "name": "mynet", "ipam": {"type": "node-annotation"}});
    base.bench
        .call("ADD", &network.to_string())
        .error(11, "FAILED: No annotation specified", "");
}

#[test]
fn case_155() {
    let base = Base::new(r#""subnet": env.HOME"#);
    assert!(
        base.add()
            .failed(11, "FAILED: Bad annotation")
            .contains("programs are not evaluated")
    );
}

#[test]
fn case_156() {
    let base = Base::new(r#"{"ranges":[[{"subnet":"1.2.3.0/24"}]],"dataDir":"D"}"#);
    base.add().ok(&["1.2.3.2/24>1.2.3.1"]);
}

#[test]
fn case_157() {
    let mut base = Base::new(FIRST);
    let output = base.command(&["error_quit", "boo"]);
    assert_eq!(
        (output.code, output.json()),
        (
            1,
            json!({"cniVersion": "0.4.0", "code": 11, "msg": "FAILED: boo"})
        )
    );
    let quoted = base.command(&["error_quit", "say \"no\"\n"]).json();
    assert_eq!(quoted["msg"], "FAILED: say \"no\"\n");
    assert_eq!(
        base.command(&["error_quit"]).json()["msg"],
        "FAILED: node-annotation"
    );
}

#[test]
fn case_158() {
    let mut base = Base::new(FIRST);
    let mut second = node("of n2, \"as it is\"");
    second["metadata"]["name"] = json!("n2");
    second["status"]["nodeInfo"]["machineID"] = json!("another");
    base.api().set_nodes(&[node("of me"), second]);
    let output = base.command(&["get_annotation", KEY]);
    assert_eq!((output.code, output.stdout.as_str()), (0, "of me\n"));
    let output = base.command(&["get_annotation", "--node=n2", KEY]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (0, "of n2, \"as it is\"\n")
    );
}

#[test]
fn case_159() {
    let mut base = Base::new(FIRST);
    base.command(&["get_annotation"])
        .error(11, "FAILED: Parameter missing", "");
}

#[test]
fn case_160() {
    let mut base = Base::new(FIRST);
    let output = base.command(&["bogus"]);
    assert_eq!(
        (output.code, output.stdout.as_str(), output.stderr.trim_end()),
        (1, "", "ERROR: Invalid command [bogus]")
    );
}

#[test]
fn case_161() {
    let mut base = Base::new(FIRST);
    for argument in ["-h", "help", "HELPME", "foo-hello"] {
        let output = base.command(&[argument]);
        assert_eq!(output.code, 0, "{output:?}");
        for command in ["ipam", "error_quit", "my_node", "get_annotation"] {
            assert!(output.stdout.contains(command), "{output:?}");
        }
    }
}

#[test]
fn my_node_is_printed_whole_or_not_at_all() {
    let mut base = Base::new(FIRST);
    let output = base.command(&["my_node"]);
    assert_eq!(
        output.json(),
        node(&FIRST.replace("\"D\"", &format!("\"{}\"", base.bench.data())))
    );
    base.api().set_nodes(&[]);
    base.command(&["my_node"]).ok_empty();
    base.command(&["get_annotation", KEY]).error(
        11,
        "FAILED: My node not found",
        "Own node object not found",
    );
    let stopped = base.api.take().unwrap();
    stopped.always(super::support::Fault::Status(401, ""));
    let details = base.command(&["my_node"]).failed(11, "FAILED: kubectl get nodes");
    assert!(details.contains("401"), "{details}");
}
