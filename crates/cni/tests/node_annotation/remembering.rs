//! What is remembered of an annotation, and what is released (spec cni-ipam §6.4).

use std::{fs, time::Duration};

use serde_json::json;

use super::{Base, FIRST, support::Fault};

#[test]
fn a_burst_of_calls_asks_once_and_version_never() {
    let base = Base::new(FIRST);
    assert_eq!(base.bench.call("VERSION", "").code, 0);
    assert_eq!(base.api().count(), 0);
    for container in ["c1", "c2", "c3"] {
        assert_eq!(base.call_for("ADD", container).code, 0);
    }
    base.call_for("CHECK", "c1").ok_empty();
    assert_eq!(base.api().count(), 1);
}

#[test]
fn a_change_is_seen_when_the_record_is_old_or_leads_to_an_error() {
    let base = Base::new(r#"ranges: [[{"subnet": "172.16.5.0/30"}]], dataDir: "D""#);
    base.add().ok(&["172.16.5.2/30>172.16.5.1"]);
    base.annotate(r#"ranges: [[{"subnet": "172.16.6.0/30"}]], dataDir: "D""#);
    // Full: the annotation is read again at once.
    base.call_for("ADD", "c2").ok(&["172.16.6.2/30>172.16.6.1"]);
    base.annotate(r#"ranges: [[{"subnet": "172.16.7.0/30"}]], dataDir: "D""#);
    let every_time = base.network(&json!({"cacheTTL": 0}), &json!({}));
    base.bench
        .call_for("ADD", "c3", &every_time)
        .ok(&["172.16.7.2/30>172.16.7.1"]);
    let names: Vec<String> = base.api().paths();
    assert_eq!(
        names,
        ["/api/v1/nodes", "/api/v1/nodes/me", "/api/v1/nodes/me"],
        "the name is remembered"
    );
}

#[test]
fn del_needs_neither_server_nor_annotation_and_finds_older_directories() {
    let mut base = Base::new(FIRST);
    base.add().addresses();
    base.annotate(&FIRST.replace("\"D\"", &format!("\"{}\"", base.bench.path("elsewhere"))));
    let every_time = base.network(&json!({"cacheTTL": 0}), &json!({}));
    base.bench.call_for("ADD", "c2", &every_time).addresses();
    assert!(fs::exists(base.bench.path("elsewhere/mynet/172.16.5.2")).unwrap());
    drop(base.api.take());
    base.call_for("DEL", "c1").ok_empty();
    base.call_for("DEL", "c2").ok_empty();
    assert!(base.bench.reservations("mynet").is_empty());
    assert!(!fs::exists(base.bench.path("elsewhere/mynet/172.16.5.2")).unwrap());
}

#[test]
fn del_without_a_record_releases_in_the_default_directory() {
    let base = Base::new(FIRST);
    base.bench
        .write("varlib/cni/networks/mynet/172.16.5.9", "c1\r\neth0");
    base.call_for("DEL", "c1").ok_empty();
    assert!(!fs::exists(base.bench.path("varlib/cni/networks/mynet/172.16.5.9")).unwrap());
    assert_eq!(base.api().count(), 0);
}

#[test]
fn gc_keeps_what_is_valid() {
    let mut base = Base::new(FIRST);
    base.add().addresses();
    base.call_for("ADD", "c2").addresses();
    drop(base.api.take());
    let more = json!({"cniVersion": "1.1.0", "cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]});
    base.bench.call("GC", &base.network(&json!({}), &more)).ok_empty();
    assert_eq!(
        base.bench.reservations("mynet").into_keys().collect::<Vec<_>>(),
        ["172.16.5.2"]
    );
}

#[test]
fn an_old_record_serves_while_the_server_does_not_answer() {
    let base = Base::new(FIRST);
    base.add().addresses();
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    let every_time = base.network(&json!({"cacheTTL": 0}), &json!({}));
    let output = base.bench.call_for("ADD", "c2", &every_time);
    output.ok(&["172.16.5.3/24>172.16.5.1"]);
    assert!(output.stderr.contains("read before"), "{output:?}");
}

#[test]
fn nothing_known_and_no_server_is_worth_another_try() {
    let base = Base::new(FIRST);
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    assert!(base.add().failed(11, "FAILED: kubectl get nodes").contains("503"));
    let status = base.bench.call(
        "STATUS",
        &base.network(&json!({}), &json!({"cniVersion": "1.1.0"})),
    );
    status.failed(50, "FAILED: kubectl get nodes");
}

#[test]
fn status_tells_what_an_add_would_do_with_an_old_record() {
    let base = Base::new(FIRST);
    base.add().addresses();
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    let network = base.network(&json!({"cacheTTL": 0}), &json!({"cniVersion": "1.1.0"}));
    base.bench.call("STATUS", &network).ok_empty();
    assert_eq!(base.api().count(), 2);
    base.bench.call_for("ADD", "c2", &network).addresses();
    assert_eq!(base.api().count(), 3, "STATUS writes nothing");
    base.bench.call_for("ADD", "c3", &network).addresses();
    base.bench.call("STATUS", &network).ok_empty();
    assert_eq!(base.api().count(), 3, "a burst asks once");
}

/// Two seconds, not fifteen, while there is something that will do.
#[test]
fn a_server_that_hangs_is_waited_for_briefly_when_the_annotation_is_known() {
    let base = Base::new(FIRST);
    base.add().addresses();
    base.api().always(Fault::Hang);
    let every_time = base.network(&json!({"cacheTTL": 0}), &json!({}));
    let output = base.bench.call_for("ADD", "c2", &every_time);
    output.addresses();
    assert!(output.took < Duration::from_secs(10), "{output:?}");
    // An error is explained by what the server says now, if it says something soon.
    base.edit_record(&json!({"tried": 0}));
    let output = base.call_for("ADD", "c2");
    assert_eq!(output.json()["code"], 999, "{output:?}");
    assert!(output.took < Duration::from_secs(10), "{output:?}");
    base.call_for("ADD", "c2");
    assert_eq!(base.api().count(), 3, "a burst asks once");
}

#[test]
fn the_record_of_another_machine_or_node_is_not_used() {
    let mut base = Base::new(FIRST);
    base.add().addresses();
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    let ends = |base: &Base, whose: &str| {
        let details = base.call_for("ADD", "c2").failed(11, "FAILED: kubectl get nodes");
        let end =
            format!("no cached annotation in /var/lib/cni/networks/node-annotation.mynet.json ({whose})");
        assert!(details.ends_with(&end), "{details} should end with {end}");
    };
    base.bench.kubeconfig_of(&base.api().url(), "another");
    ends(&base, "of node me");
    base.bench.kubeconfig_of(&base.api().url(), "me");
    base.call_for("ADD", "c3").addresses();
    base.bench.set("NODE_NAME", "n2");
    ends(&base, "of node me");
    base.bench.set("NODE_NAME", "me");
    base.edit_record(&json!({"machineId": "0123456789abcdef0123456789abcdef"}));
    ends(&base, "of node me on another machine");
    // It is released there nevertheless.
    base.call_for("DEL", "c3").ok_empty();
    assert_eq!(
        base.bench.reservations("mynet").into_keys().collect::<Vec<_>>(),
        ["172.16.5.2"]
    );
}

#[test]
fn after_a_start_of_the_machine_a_young_record_is_old_too() {
    let base = Base::new(FIRST);
    base.add().addresses();
    base.edit_record(&json!({"boot": "before"}));
    base.annotate(&FIRST.replace("172.16.5", "172.16.6"));
    base.call_for("ADD", "c2").ok(&["172.16.6.2/24>172.16.6.1"]);
}

/// The default data directory is read-only, the annotation's is not: DEL would look only into directories that are
/// recorded.
#[test]
fn an_add_into_a_directory_that_cannot_be_remembered_is_refused() {
    let mut base = Base::new(FIRST);
    let writable = base.bench.namespace.clone();
    let read_only = format!(
        "{}\n/bin/mount -o remount,bind,ro /var/lib",
        writable.clone().unwrap()
    );
    fs::create_dir_all(base.bench.path("varlib/cni/networks")).unwrap();
    base.bench.namespace = Some(read_only.clone());
    let output = base.add();
    let msg = output.json()["msg"].as_str().unwrap().to_owned();
    output.failed(11, &msg);
    assert!(
        msg.starts_with(&format!(
            "FAILED: cannot remember dataDir {} in /var/lib/cni/networks: ",
            base.bench.data()
        )) && msg.ends_with("; make /var/lib/cni/networks writable"),
        "{msg}"
    );
    assert!(!fs::exists(base.bench.data()).unwrap(), "nothing is reserved");
    // One that is recorded will be found.
    base.bench.namespace = writable;
    base.add().addresses();
    base.bench.namespace = Some(read_only);
    base.edit_record(&json!({"time": 1}));
    base.call_for("ADD", "c2").ok(&["172.16.5.3/24>172.16.5.1"]);
    base.call_for("CHECK", "c2").ok_empty();
    base.call_for("DEL", "c2").ok_empty();
    base.call_for("DEL", "c1").ok_empty();
    assert!(base.bench.reservations("mynet").is_empty());
}
