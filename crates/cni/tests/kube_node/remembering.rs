//! What is remembered of the node, when it is used, and when it is not (spec cni-ipam §5.5, §14.8).

use std::{fs, time::Duration};

use serde_json::{Value, json};

use super::{
    BOTH, Base,
    support::{Fault, node},
};

#[test]
fn a_remembered_range_needs_nothing_of_the_way_to_the_server() {
    let base = Base::new();
    base.add("c1").ok(&BOTH);
    fs::write(base.bench.path("kubeconfig"), "broken: [").unwrap();
    base.add("c2").addresses();
    base.bench
        .call_for("CHECK", "c2", &base.stdin(json!({})))
        .ok_empty();
    base.bench
        .call("STATUS", &base.network("k8snet", "1.1.0", json!({}), json!({})))
        .ok_empty();
    assert_eq!(base.api().count(), 1);
}

fn set_ranges(base: &Base, cidrs: Value) {
    let mut changed = node("n1");
    changed["spec"]["podCIDRs"] = cidrs;
    base.api().set_nodes(&[changed]);
}

#[test]
fn a_full_range_is_looked_up_again_and_a_new_one_used() {
    let base = Base::new();
    set_ranges(&base, json!(["10.244.1.0/30"]));
    base.add("c1").ok(&["10.244.1.2/30>10.244.1.1"]);
    let exhausted =
        "failed to allocate for range 0: no IP addresses available in range set: 10.244.1.1-10.244.1.2";
    base.add("c2").error(100, "Invoke host-local ipam", exhausted);
    assert_eq!(base.api().count(), 2);
    set_ranges(&base, json!(["10.244.9.0/30"]));
    base.add("c2").ok(&["10.244.9.2/30>10.244.9.1"]);
    base.bench
        .call_for("DEL", "c2", &base.stdin(json!({})))
        .ok_empty();
    base.add("c3").ok(&["10.244.9.2/30>10.244.9.1"]);
    assert_eq!(base.api().count(), 3, "the new ranges are remembered");
}

#[test]
fn a_full_range_is_said_to_be_full_when_the_server_is_away() {
    let base = Base::new();
    set_ranges(&base, json!(["10.244.1.0/30"]));
    base.add("c1").addresses();
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    assert!(
        base.add("c2")
            .failed(100, "Invoke host-local ipam")
            .contains("no IP addresses available")
    );
}

/// The ranges were read so many seconds ago, and nothing was tried since.
fn age(base: &Base, seconds: u64) {
    let read = now() - seconds;
    base.bench
        .edit("data/kube-node.json", &json!({"x-time": read, "x-tried": 0}));
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

#[test]
fn ranges_grow_old_when_asked_to_and_serve_while_the_server_is_away() {
    let base = Base::new();
    let network = base.stdin(json!({"cacheTTL": 3600}));
    base.bench.call_for("ADD", "c1", &network).addresses();
    base.bench.call_for("ADD", "c2", &network).addresses();
    assert_eq!(base.api().count(), 1);
    age(&base, 4000);
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    base.bench.call_for("ADD", "c3", &network).addresses();
    assert_eq!(base.api().count(), 2);
    base.bench.call_for("ADD", "c4", &network).addresses();
    assert_eq!(base.api().count(), 2, "a burst asks once");
    age(&base, 4000);
    base.api().always(Fault::Status(404, ""));
    base.bench
        .call_for("ADD", "c5", &network)
        .error(100, "Get the own node object", "Node not found");
}

#[test]
fn status_tells_what_an_add_would_do_with_old_ranges() {
    let base = Base::new();
    let network = base.network("k8snet", "1.1.0", json!({"cacheTTL": 3600}), json!({}));
    base.bench.call_for("ADD", "c1", &network).addresses();
    age(&base, 4000);
    let before = fs::read_to_string(base.bench.path("data/kube-node.json")).unwrap();
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    base.bench.call("STATUS", &network).ok_empty();
    assert_eq!(base.api().count(), 2);
    let after = fs::read_to_string(base.bench.path("data/kube-node.json")).unwrap();
    assert_eq!(before, after, "STATUS writes nothing");
    base.bench.call_for("ADD", "c2", &network).addresses();
}

#[test]
fn status_looks_at_the_node_again_when_the_range_is_full() {
    let base = Base::new();
    set_ranges(&base, json!(["10.244.1.0/30"]));
    base.add("c1").addresses();
    let status = || {
        let network = base.network("k8snet", "1.1.0", json!({}), json!({}));
        base.bench.call("STATUS", &network)
    };
    status().error(
        50,
        "no IP addresses available in range set: 10.244.1.1-10.244.1.2",
        "",
    );
    set_ranges(&base, json!(["10.244.9.0/30"]));
    status().ok_empty();
    base.add("c2").ok(&["10.244.9.2/30>10.244.9.1"]);
}

/// Two seconds, not fifteen, while there is something that will do; and not again at once.
#[test]
fn a_server_that_hangs_is_waited_for_briefly_when_the_ranges_are_known() {
    let base = Base::new();
    let network = base.stdin(json!({"cacheTTL": 3600}));
    base.bench.call_for("ADD", "c1", &network).addresses();
    age(&base, 4000);
    base.api().always(Fault::Hang);
    let output = base.bench.call_for("ADD", "c2", &network);
    output.addresses();
    assert!(output.took < Duration::from_secs(10), "{output:?}");
    let again = base.bench.call_for("ADD", "c3", &network);
    again.addresses();
    assert_eq!(base.api().count(), 2);
}

#[test]
fn a_full_range_is_reported_soon_although_the_server_hangs() {
    let base = Base::new();
    set_ranges(&base, json!(["10.244.1.0/30"]));
    base.add("c1").addresses();
    base.api().always(Fault::Hang);
    for requests in [2, 2] {
        let output = base.add("c2");
        let details = output.failed(100, "Invoke host-local ipam");
        assert!(details.contains("no IP addresses available"), "{details}");
        assert!(output.took < Duration::from_secs(10), "{output:?}");
        assert_eq!(base.api().count(), requests);
    }
}

#[test]
fn without_a_server_the_error_says_why_the_cache_does_not_help() {
    let mut base = Base::new();
    base.add("c1").ok(&BOTH);
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    let file = base.bench.path("data/kube-node.json");
    let details = |base: &Base| base.add("c2").failed(11, "Get the own node object");
    let ends = |base: &Base, why: &str| {
        let details = details(base);
        let end = format!("503: as told; no cached ranges in {file} ({why})");
        assert!(details.ends_with(&end), "{details} should end with {end}");
    };
    base.bench.set("NODE_NAME", "n2");
    ends(&base, "of node n1");
    base.bench.set("NODE_NAME", "n1");
    base.bench
        .edit("data/kube-node.json", &json!({"x-machine-id": "other"}));
    ends(&base, "of node n1 on another machine");
    fs::write(&file, "{\"type\":").unwrap();
    ends(&base, "torn");
    fs::remove_file(&file).unwrap();
    ends(&base, "missing");
    let origin = json!({
        "type": "host-local", "ranges": [[{"subnet": "30.0.1.0/24"}]], "x-network": "other", "x-node": "n1",
    });
    fs::write(&file, origin.to_string()).unwrap();
    let own = base.bench.path("data/kube-node.k8snet.json");
    ends(&base, &format!("of network other) or {own} (missing"));
}

#[test]
fn what_a_killed_writer_left_is_removed() {
    let base = Base::new();
    let draft = |name: &str, age: u64| {
        let path = base.bench.write(&format!("data/{name}"), "half");
        let file = fs::File::options().write(true).open(&path).unwrap();
        let then = std::time::SystemTime::now() - Duration::from_secs(age);
        file.set_modified(then).unwrap();
        path
    };
    let old = draft(".kube-node.json.0123456789abcdef.draft", 3600);
    let new = draft(".kube-node.json.0123456789abcdee.draft", 0);
    base.add("c1").ok(&BOTH);
    assert!(!fs::exists(old).unwrap());
    assert!(fs::exists(new).unwrap(), "somebody may be writing it");
}

#[test]
fn a_disk_that_takes_no_cache_costs_a_request_no_more() {
    let base = Base::new();
    fs::create_dir_all(base.bench.path("data/kube-node.json")).unwrap();
    base.add("c1").ok(&BOTH);
    base.add("c2").addresses();
    assert_eq!(base.api().count(), 2);
    let left: Vec<_> = fs::read_dir(base.bench.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with(".kube-node")),
        "{left:?}"
    );
}

#[test]
fn many_calls_at_once_get_different_addresses() {
    let base = Base::new();
    let network = base.stdin(json!({}));
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..24)
            .map(|number| {
                let (bench, network) = (&base.bench, &network);
                scope.spawn(move || bench.call_for("ADD", &format!("p{number}"), network).addresses())
            })
            .collect();
        calls.into_iter().flat_map(|call| call.join().unwrap()).collect()
    });
    let distinct: std::collections::BTreeSet<_> = outputs.iter().collect();
    assert_eq!((outputs.len(), distinct.len()), (48, 48));
    let cache: Value =
        serde_json::from_str(&fs::read_to_string(base.bench.path("data/kube-node.json")).unwrap()).unwrap();
    assert_eq!(cache["x-node"], "n1");
}
