//! What an operator of `host-local` runs into: files in the way, stdout closed, a machine that was started again.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use testkit::cni::{Answer, Call};

use crate::yard::Yard;

/// `net` with these members in its `ipam` section.
pub(crate) fn network(yard: &Yard, more: &Value) -> Value {
    let mut network = yard.network("net", "10.0.0.0/29");
    let ipam = network["ipam"].as_object_mut().unwrap();
    ipam.extend(more.as_object().unwrap().clone());
    network
}

fn call(yard: &Yard, verb: &str, network: &Value) -> Call {
    yard.call(verb).config(network)
}

pub(crate) fn run(yard: &Yard, verb: &str, network: &Value) -> Answer {
    call(yard, verb, network).run().unwrap()
}

#[track_caller]
fn added(answer: &Answer, address: &str) {
    let addresses = answer.addresses().unwrap();
    assert_eq!(addresses, [address.parse::<std::net::IpAddr>().unwrap()]);
}

/// Msg and details.
#[track_caller]
pub(crate) fn refused(answer: &Answer) -> (String, String) {
    let error = answer.error().unwrap();
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    (text("msg"), text("details"))
}

fn truncate(yard: &Yard, name: &str) {
    let path = yard.data().join(name);
    File::options().write(true).truncate(true).open(path).unwrap();
}

#[test]
fn a_file_that_lost_its_content_is_an_address_for_the_next_one() {
    for given in [json!({}), json!({"idempotentAdd": true})] {
        let yard = Yard::new();
        let given = network(&yard, &given);
        for n in 2..=6 {
            let answer = call(&yard, "ADD", &given).id(&format!("c{n}")).run().unwrap();
            added(&answer, &format!("10.0.0.{n}"));
        }
        // Its name, its inode and the times of the directory stay.
        truncate(&yard, "net/10.0.0.4");
        added(&call(&yard, "ADD", &given).id("c9").run().unwrap(), "10.0.0.4");
        truncate(&yard, "net/10.0.0.5");
        let asked = call(&yard, "ADD", &given).id("c8").env("CNI_ARGS", "IP=10.0.0.5");
        added(&asked.run().unwrap(), "10.0.0.5");
        let (msg, _) = refused(&call(&yard, "ADD", &given).id("c7").run().unwrap());
        assert!(msg.contains("no IP addresses available in range set"), "{msg}");
    }
}

#[test]
fn a_resolv_conf_without_an_end_is_refused() {
    let yard = Yard::new();
    let pipe = yard.data().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for path in [pipe.as_path(), Path::new("/dev/zero"), Path::new("/dev")] {
        let started = Instant::now();
        let answer = run(&yard, "ADD", &network(&yard, &json!({"resolvConf": path})));
        let (msg, _) = refused(&answer);
        assert!(
            msg.contains("resolvConf") && msg.contains("not a regular file"),
            "{msg}"
        );
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    assert!(yard.reservations("net").is_empty());
}

#[test]
fn an_add_that_nobody_hears_reserves_nothing() {
    let yard = Yard::new();
    let given = network(&yard, &json!({}));
    let call = call(&yard, "ADD", &given);
    let mut stdin = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut stdin, given.to_string().as_bytes()).unwrap();
    let plugin = call.command();
    let run = |redirect: &str| {
        std::io::Seek::rewind(&mut &stdin).unwrap();
        let mut command = std::process::Command::new("/bin/sh");
        let variables = plugin.get_envs().filter_map(|(key, value)| Some((key, value?)));
        command.env_clear().envs(variables);
        command
            .args(["-c", &format!("exec \"$0\" {redirect}")])
            .arg(plugin.get_program());
        command.stdin(stdin.try_clone().unwrap()).stderr(Stdio::piped());
        command.output().unwrap()
    };
    for closed in [">&-", "1<>/dev/null"] {
        let output = run(closed);
        assert_eq!(output.status.code(), Some(1), "{closed}: {output:?}");
        assert!(yard.reservations("net").is_empty(), "{closed}");
    }
    // Somebody who does not want to know.
    let output = run("> /dev/null");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(yard.reservations("net"), ["10.0.0.2"]);
}

/// Makes the record of the network say that the machine was started another time, and this file older than that;
/// `false` on a machine without an identity.
fn restart(yard: &Yard, name: &str) -> bool {
    let path = yard.data().join(".ipam-index/net/boot");
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let Some(machine) = machine.split_whitespace().next() else {
        return false;
    };
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{machine} earlier\n")).unwrap();
    let file = File::options()
        .write(true)
        .open(yard.data().join("net").join(name))
        .unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
        .unwrap();
    true
}

#[test]
fn the_first_gc_after_a_start_of_the_machine_drops_what_is_from_before() {
    for (more, keeps) in [
        (json!({}), true),
        (json!({"reclaimOnBoot": false, "type": "kube-node"}), true),
        (json!({"reclaimOnBoot": "yes", "type": "kube-node"}), true),
        (json!({"type": "node-annotation"}), true),
        (json!({"reclaimOnBoot": true}), false),
        (json!({"type": "kube-node"}), false),
    ] {
        let yard = Yard::new();
        yard.put("net/10.0.0.2", "old\r\neth0");
        yard.put("net/10.0.0.3", "new\r\neth0");
        if !restart(&yard, "10.0.0.2") {
            return;
        }
        let mut given = network(&yard, &more);
        given["cniVersion"] = json!("1.1.0");
        let answer = run(&yard, "GC", &given);
        assert!(answer.is_ok() && answer.stdout().is_empty(), "{answer:?}");
        let expected: &[&str] = if keeps {
            &["10.0.0.2", "10.0.0.3"]
        } else {
            &["10.0.0.3"]
        };
        assert_eq!(yard.reservations("net"), expected, "{more}");
    }
}

#[test]
fn what_a_configuration_keeps_over_a_start_of_the_machine_stays() {
    for (says, left) in [(json!(false), 1), (json!(true), 0)] {
        let yard = Yard::new();
        yard.put("net/10.0.0.2", "container-old\r\neth0");
        if !restart(&yard, "10.0.0.2") {
            return;
        }
        yard.configure(&network(&yard, &json!({"reclaimOnBoot": says})));
        yard.say(&["gc"]).ok();
        assert_eq!(yard.reservations("net").len(), left, "{says}");
        // A person says so.
        yard.say(&["gc", "--before-boot"]).ok();
        assert!(yard.reservations("net").is_empty());
    }
}

#[test]
fn an_address_rests_whoever_gave_it_back() {
    for how in ["GC", "release", "gc"] {
        let yard = Yard::new();
        let given = network(&yard, &json!({"cooldown": 3600, "rangeEnd": "10.0.0.3"}));
        added(
            &call(&yard, "ADD", &given).id("container-one").run().unwrap(),
            "10.0.0.2",
        );
        match how {
            "GC" => {
                let mut given = given.clone();
                given["cniVersion"] = json!("1.1.0");
                given["cni.dev/valid-attachments"] = json!([]);
                assert!(run(&yard, "GC", &given).is_ok());
            }
            "gc" => {
                let file = File::open(yard.data().join("net/10.0.0.2")).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
                yard.say(&["gc", "--before-boot"]).ok();
            }
            _ => {
                yard.say(&["release", "container-one", "--yes"]).ok();
            }
        }
        assert!(yard.reservations("net").is_empty(), "{how}");
        yard.put("net/last_reserved_ip.0", "10.0.0.3");
        added(&call(&yard, "ADD", &given).id("c2").run().unwrap(), "10.0.0.3");
    }
}

#[test]
fn a_pod_comes_back_to_its_address() {
    let yard = Yard::new();
    let given = network(&yard, &json!({"sticky": true}));
    let add = |id: &str, pod: &str| {
        let args = format!("IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME={pod}");
        let call = call(&yard, "ADD", &given).id(id).env("CNI_ARGS", args);
        call.run().unwrap()
    };
    let del = |id: &str| assert!(call(&yard, "DEL", &given).id(id).run().unwrap().is_ok());
    added(&add("c1", "db-0"), "10.0.0.2");
    added(&add("c2", "db-1"), "10.0.0.3");
    del("c1");
    del("c2");
    added(&add("c3", "db-1"), "10.0.0.3");
    added(&add("c4", "web-7"), "10.0.0.4");
    added(&add("c5", "db-0"), "10.0.0.2");
    // The round robin goes on where it was.
    added(&add("c6", "web-8"), "10.0.0.5");
    del("c5");
    let plain = network(&yard, &json!({}));
    added(&call(&yard, "ADD", &plain).id("c7").run().unwrap(), "10.0.0.6");
    added(&call(&yard, "ADD", &plain).id("c8").run().unwrap(), "10.0.0.2");
    del("c7");
    added(&add("c9", "db-0"), "10.0.0.6");
}

#[test]
fn below_a_file_there_is_nothing_to_release() {
    let yard = Yard::new();
    let given = network(&yard, &json!({}));
    // Below a file nothing can be: DEL and GC have nothing to do there.
    let mut below = given.clone();
    fs::write(yard.data().join("file"), "").unwrap();
    below["ipam"]["dataDir"] = json!(yard.data().join("file/deeper"));
    below["cniVersion"] = json!("1.1.0");
    below["cni.dev/valid-attachments"] = json!([]);
    for verb in ["DEL", "GC"] {
        let answer = run(&yard, verb, &below);
        assert!(answer.is_ok(), "{verb}: {answer:?}");
    }
    assert!(!run(&yard, "ADD", &below).is_ok());
}
