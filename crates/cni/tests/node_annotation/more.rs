//! What the table does not say: remembering, releasing, handing on.

use std::fs;

use serde_json::{Value, json};

use super::{Base, support::Fault};

const FIRST: &str = r#"ranges: [[{"subnet": "172.16.5.0/24"}]], dataDir: "D""#;

fn transcript() -> (Value, Value) {
    let network = json!({
        "name": "mynet", "type": "ipvlan", "master": "eth0",
        "ipam": {"type": "node-annotation", "annotation": super::KEY},
    });
    let mut expanded = network.clone();
    expanded["ipam"] =
        json!({"type": "cat", "ranges": [{"subnet": "4000::16.0.0.0/120"}, {"subnet": "16.0.0.0/24"}]});
    (network, expanded)
}

/// The transcript of the replaced program (spec §6.6).
#[test]
fn the_manual_test_is_kept() {
    let text =
        "\"ranges\": [\n  { \"subnet\": \"4000::16.0.0.0/120\" },\n  { \"subnet\": \"16.0.0.0/24\" }\n]";
    let mut base = Base::new(text);
    base.set_next("cat");
    let (network, expanded) = transcript();
    for args in [vec![], vec!["ipam".to_owned()]] {
        base.bench.args = args;
        let output = base.bench.call_for("", "", &network.to_string());
        assert_eq!((output.code, output.json()), (0, expanded.clone()));
    }
}

#[test]
fn without_nextipam_the_manual_test_says_what_this_is() {
    let base = Base::new(FIRST);
    let output = base.bench.call_for("", "", &base.stdin());
    assert_eq!((output.code, output.stdout.as_str()), (0, ""));
    assert!(
        output.stderr.contains("CNI protocol versions supported: 0.1.0, "),
        "{output:?}"
    );
}

#[test]
fn a_list_that_is_not_nested_is_one_set_per_range() {
    let base = Base::new(
        r#""ranges": [{"subnet": "4000::16.0.0.0/120"}, {"subnet": "16.0.0.0/24"}], "dataDir": "D""#,
    );
    base.add()
        .ok(&["4000::1000:2/120>4000::1000:1", "16.0.0.2/24>16.0.0.1"]);
}

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
fn errors_of_the_allocator_keep_their_code() {
    let base = Base::new(FIRST);
    base.add().addresses();
    let msg = "failed to allocate for range 0: 172.16.5.2 has been allocated to c1, duplicate allocation is not allowed";
    base.add().error(999, msg, "");
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
fn status_says_when_a_range_is_full() {
    let base = Base::new(r#"ranges: [[{"subnet": "172.16.5.0/30"}]], dataDir: "D""#);
    let network = base.network(&json!({}), &json!({"cniVersion": "1.1.0"}));
    base.bench.call("STATUS", &network).ok_empty();
    assert!(!fs::exists(base.bench.data()).unwrap(), "STATUS makes nothing");
    base.add().addresses();
    let output = base.bench.call("STATUS", &network);
    assert_eq!(
        (output.code, &output.json()["code"]),
        (1, &json!(50)),
        "{output:?}"
    );
}

#[test]
fn a_merge_keeps_the_rest_of_the_section() {
    let base = Base::new(r#"ranges: [[{"subnet": "172.16.5.0/24"}]]"#);
    let network = base.network(
        &json!({"merge": true, "routes": [{"dst": "0.0.0.0/0"}]}),
        &json!({}),
    );
    let output = base.bench.call("ADD", &network).json();
    assert_eq!(output["routes"], json!([{"dst": "0.0.0.0/0"}]));
    assert!(fs::exists(base.bench.path("ignored/mynet/172.16.5.2")).unwrap());
    base.bench.call("DEL", &network).ok_empty();
    assert!(!fs::exists(base.bench.path("ignored/mynet/172.16.5.2")).unwrap());
}

#[test]
fn a_directory_that_climbs_is_refused() {
    let base = Base::new(r#"ranges: [[{"subnet": "172.16.5.0/24"}]], dataDir: "/run/../etc""#);
    assert!(
        base.add()
            .failed(11, "FAILED: Bad annotation")
            .contains("dataDir")
    );
}

#[test]
fn broken_configuration_files_are_warnings() {
    let mut base = Base::new(FIRST);
    base.bench.set("KUBECONFIG", &base.bench.path("kubeconfig"));
    for text in ["{broken", "[]", r#"{"nextipam": 1, "unknown": "x"}"#] {
        base.bench.write("config.json", text);
        let output = base.add();
        output.ok(&["172.16.5.2/24>172.16.5.1"]);
        assert!(output.stderr.contains("ignored"), "{output:?}");
        base.call_for("DEL", "c1").ok_empty();
        fs::remove_dir_all(base.bench.data()).unwrap();
    }
}

#[test]
fn the_log_names_the_annotation_and_the_error() {
    let base = Base::new("broken");
    base.add().failed(11, "FAILED: Bad annotation");
    let log = fs::read_to_string(base.bench.path("log")).unwrap();
    assert!(
        log.starts_with(&format!(
            "Ipam from annotation: [{}]\nERROR: FAILED: Bad annotation",
            super::KEY
        )),
        "{log}"
    );
}

#[test]
fn another_plugin_gets_the_expanded_configuration_and_its_answer_is_passed_on() {
    let base = Base::new(FIRST);
    let seen = base.bench.path("seen");
    let script = base.bench.write_script(
        "next",
        &format!(
            "cat > '{seen}'; echo from-next >&2\n\
             case $CNI_COMMAND in ADD) echo '{{\"cniVersion\":\"1.0.0\",\"ips\":[]}}';; \
             CHECK) echo '{{\"code\":77,\"msg\":\"no\",\"details\":\"why\"}}'; exit 3;; DEL) ;; esac"
        ),
    );
    base.set_next(&script);
    let output = base.add();
    assert_eq!(
        (output.code, output.json()),
        (0, json!({"cniVersion": "1.0.0", "ips": []}))
    );
    assert!(output.stderr.contains("from-next"), "{output:?}");
    let read = || serde_json::from_str::<Value>(&fs::read_to_string(&seen).unwrap()).unwrap();
    let expected =
        json!({"type": "next", "ranges": [[{"subnet": "172.16.5.0/24"}]], "dataDir": base.bench.data()});
    assert_eq!(read()["ipam"], expected);
    base.call_for("CHECK", "c1").error(77, "no", "why");
    base.call_for("DEL", "c1").ok_empty();
    assert_eq!(read()["ipam"]["ranges"], json!([[{"subnet": "172.16.5.0/24"}]]));
    base.set_next("/nonexistent/next");
    assert!(
        base.add()
            .failed(11, "FAILED: nextipam")
            .contains("/nonexistent/next")
    );
    base.set_next("not-in-path");
    assert!(base.add().failed(11, "FAILED: nextipam").contains("not-in-path"));
}

#[test]
fn another_plugin_gets_a_placeholder_when_nothing_is_known() {
    let base = Base::new(FIRST);
    let seen = base.bench.path("seen");
    let script = base.bench.write_script("next", &format!("cat > '{seen}'"));
    base.set_next(&script);
    base.call_for("DEL", "c1").ok_empty();
    let ipam: Value = serde_json::from_str(&fs::read_to_string(&seen).unwrap()).unwrap();
    assert_eq!(ipam["ipam"]["subnet"], "192.0.2.0/24");
    assert_eq!(base.api().count(), 0);
}
