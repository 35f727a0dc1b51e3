//! What the table does not say: texts, sections, configuration files.

use std::fs;

use serde_json::{Value, json};

use super::{Base, FIRST};

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
fn errors_of_the_allocator_keep_their_code() {
    let base = Base::new(FIRST);
    base.add().addresses();
    let msg = "failed to allocate for range 0: 172.16.5.2 has been allocated to c1, duplicate allocation is not allowed";
    base.add().error(999, msg, "");
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

/// Spec §11.1: on unless somebody says otherwise.
#[test]
fn reservations_from_before_a_start_of_the_machine_are_dropped_unless_told_not_to() {
    for (more, left) in [
        ("", vec!["172.16.5.3"]),
        (", reclaimOnBoot: false", vec!["172.16.5.2", "172.16.5.3"]),
    ] {
        let base = Base::new(FIRST);
        base.add().addresses();
        base.bench.pretend_restart("mynet", "172.16.5.2");
        base.annotate(&format!("{FIRST}{more}"));
        let every_time = base.network(&json!({"cacheTTL": 0}), &json!({}));
        base.bench.call_for("ADD", "c2", &every_time).addresses();
        let held = base.bench.reservations("mynet");
        assert_eq!(held.into_keys().collect::<Vec<_>>(), left);
    }
}

#[test]
fn a_configuration_file_that_is_a_pipe_is_not_waited_for() {
    let mut base = Base::new(FIRST);
    base.bench.set("KUBECONFIG", &base.bench.path("kubeconfig"));
    let pipe = base.bench.path("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for path in [pipe.as_str(), "/dev/zero"] {
        base.bench.set("NODE_ANNOTATION_CFG", path);
        let output = base.add();
        output.ok(&["172.16.5.2/24>172.16.5.1"]);
        assert!(
            output
                .stderr
                .contains(&format!("cannot read {path}: not a regular file; ignored")),
            "{output:?}"
        );
        base.call_for("DEL", "c1").ok_empty();
        fs::remove_dir_all(base.bench.data()).unwrap();
    }
}
