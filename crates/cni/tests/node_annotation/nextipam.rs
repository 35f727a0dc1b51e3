//! Another plugin that allocates (spec cni-ipam §7).

use std::{fs, time::Duration};

use serde_json::{Value, json};

use super::{Base, FIRST};

#[test]
fn another_plugin_gets_the_expanded_configuration_and_its_answer_is_passed_on() {
    let base = Base::new(FIRST);
    let seen = base.bench.path("seen");
    let script = base.bench.write_script(
        "next",
        &format!(
            "cat > '{seen}'; echo from-next >&2\n\
             case $CNI_COMMAND in ADD) echo '{{\"cniVersion\":\"1.0.0\",\"ips\":[]}}';; \
             CHECK) echo '{{\"code\":77, \"msg\":\"no\",\"details\":\"why\", \"more\":[1]}}'; exit 3;; DEL) ;; esac"
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
    let output = base.call_for("CHECK", "c1");
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (
            3,
            "{\"code\":77, \"msg\":\"no\",\"details\":\"why\", \"more\":[1]}\n"
        ),
        "as it is"
    );
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

#[test]
fn what_cannot_be_passed_on_is_an_error_of_ours() {
    let base = Base::new(FIRST);
    for (script, msg) in [
        (
            "true",
            "FAILED: netplugin failed with no error message: exit status 0",
        ),
        (
            "exit 4",
            "FAILED: netplugin failed with no error message: exit status 4",
        ),
        (
            "echo hello; exit 4",
            "FAILED: netplugin failed but its output is not JSON: \"hello\"",
        ),
        ("echo hello", "FAILED: its output is not JSON: \"hello\""),
    ] {
        let script = base
            .bench
            .write_script("next", &format!("cat > /dev/null; {script}"));
        base.set_next(&script);
        base.add().error(11, msg, "");
    }
}

/// A new text may be what it takes, also for somebody else.
#[test]
fn after_an_error_of_another_plugin_the_annotation_is_read_again() {
    let base = Base::new(FIRST);
    let script = base.bench.write_script(
        "next",
        "if grep -q 172.16.6; then echo '{\"ips\":[]}'; else echo '{\"code\":5,\"msg\":\"full\"}'; exit 1; fi",
    );
    base.set_next(&script);
    base.add();
    base.annotate(&FIRST.replace("172.16.5", "172.16.6"));
    let output = base.add();
    assert_eq!(
        (output.code, output.json()),
        (0, json!({"ips": []})),
        "{output:?}"
    );
}

#[test]
fn status_does_not_wait_for_a_plugin_that_hangs() {
    let base = Base::new(FIRST);
    let script = base.bench.write_script("next", "sleep 90");
    base.set_next(&script);
    let network = base.network(&json!({}), &json!({"cniVersion": "1.1.0"}));
    let output = base.bench.call("STATUS", &network);
    let details = output.failed(50, "FAILED: nextipam");
    assert!(details.contains("in time"), "{details}");
    assert!(output.took < Duration::from_secs(40), "{output:?}");
}

#[test]
fn a_release_goes_to_the_first_directory_and_to_others_that_exist() {
    let base = Base::new(FIRST);
    let seen = base.bench.path("seen");
    base.add().addresses();
    base.annotate(&FIRST.replace("\"D\"", &format!("\"{}\"", base.bench.path("elsewhere"))));
    let every_time = base.network(&json!({"cacheTTL": 0}), &json!({}));
    base.bench.call_for("ADD", "c2", &every_time).addresses();
    base.annotate(&FIRST.replace("\"D\"", &format!("\"{}\"", base.bench.path("third"))));
    let script = base
        .bench
        .write_script("next", &format!("cat >> '{seen}'; echo >> '{seen}'; echo '{{}}'"));
    base.set_next(&script);
    base.bench.call_for("ADD", "c3", &every_time);
    fs::remove_file(&seen).unwrap();
    base.call_for("DEL", "c1");
    let text = fs::read_to_string(&seen).unwrap();
    let told: Vec<String> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["ipam"]["dataDir"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        told,
        [
            base.bench.path("third"),
            base.bench.path("elsewhere"),
            base.bench.data()
        ],
        "the default directory does not exist"
    );
}
