//! What guest queries answer without a real guest.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::ProxmoxVe;
use testkit::proxmox::{Guest, Interface, Limits, Privileges, Release, Status, Vm};

use crate::client::{Answer, Client, SECRET, TOKEN, fsn};

/// Limits whose waits can be told apart.
fn limits() -> Limits {
    Limits {
        guest_ping: Duration::from_millis(100),
        guest_command: Duration::from_millis(200),
        forward: Duration::from_millis(300),
        ..Limits::quick()
    }
}

async fn start(vm: Vm) -> ProxmoxVe {
    fsn().limits(limits()).vm(vm).start().await.expect("a cluster")
}

async fn ask(pve: &ProxmoxVe, region: &str) -> (Answer, Duration) {
    let begin = Instant::now();
    let client = Client::new(pve, region);
    let answer = client
        .get("/nodes/pve-1/qemu/100/agent/network-get-interfaces")
        .await;
    (answer, begin.elapsed())
}

#[tokio::test]
async fn interfaces_look_as_a_guest_writes_them() {
    let interfaces = vec![
        Interface::new("lo").address("127.0.0.1/8").address("::1"),
        Interface::new("eth0")
            .mac("bc:24:11:2e:c4:0a")
            .address("10.0.0.5/24"),
        Interface::new("tun0").without_mac(),
    ];
    let pve = start(Vm::new(100, "n1").guest(Guest::Interfaces(interfaces))).await;
    let result = ask(&pve, "fsn").await.0.data()["result"].take();
    assert_eq!(result[0]["hardware-address"], "00:00:00:00:00:00");
    assert_eq!(
        result[0]["ip-addresses"][1],
        json!({"ip-address-type": "ipv6", "ip-address": "::1", "prefix": 128})
    );
    assert_eq!(
        result[1]["ip-addresses"],
        json!([{"ip-address-type": "ipv4", "ip-address": "10.0.0.5", "prefix": 24}])
    );
    assert!(result[1]["statistics"]["rx-bytes"].is_u64());
    assert_eq!(
        result[2],
        json!({"name": "tun0"}),
        "no addresses, no statistics, no MAC"
    );
    let config = Client::new(&pve, "fsn")
        .get("/nodes/pve-1/qemu/100/config")
        .await
        .data();
    assert!(
        config["agent"]
            .as_str()
            .is_some_and(|agent| agent.starts_with("enabled=1")),
        "{config}"
    );
}

#[tokio::test]
async fn each_failure_has_its_text_and_its_time() {
    let vm = || Vm::new(100, "n1");
    let none = Duration::ZERO;
    let command = "VM 100 qga command 'guest-network-get-interfaces' failed - got timeout";
    let (ping, late) = (limits().guest_ping, limits().guest_command);
    for (vm, message, at_least) in [
        (vm(), "No QEMU guest agent configured", none),
        (
            vm().guest(Guest::eth0(&[])).stopped(),
            "VM 100 is not running",
            none,
        ),
        (
            vm().guest(Guest::NotRunning),
            "QEMU guest agent is not running",
            ping,
        ),
        (
            vm().guest(Guest::eth0(&[])).status(Status::Paused),
            "QEMU guest agent is not running",
            ping,
        ),
        (vm().guest(Guest::Timeout), command, late),
    ] {
        let pve = start(vm).await;
        let (answer, took) = ask(&pve, "fsn").await;
        answer.is_error(500, message);
        assert!(took >= at_least, "{message} after {took:?}");
    }
    let pve = start(vm().guest(Guest::Hung)).await;
    let (answer, took) = ask(&pve, "fsn").await;
    answer.is_bare(596, "Connection timed out");
    assert!(took >= limits().forward, "{took:?}");
}

#[tokio::test]
async fn pve_8_calls_the_command_differently() {
    let builder = fsn().limits(limits()).region("old").release(Release::V8);
    let builder =
        builder
            .vm(Vm::new(100, "n1").guest(Guest::Timeout))
            .token(TOKEN, SECRET, Privileges::all());
    let pve = builder.start().await.expect("two clusters");
    let message = "VM 100 qmp command 'guest-network-get-interfaces' failed - got timeout";
    ask(&pve, "old").await.0.is_error(500, message);
}

#[tokio::test]
async fn good_answers_may_hold_nothing_or_an_error() {
    for (guest, expected) in [
        (Guest::NoData, Value::Null),
        (Guest::Result(Value::Null), json!({"result": null})),
        (Guest::Interfaces(Vec::new()), json!({"result": []})),
    ] {
        let pve = start(Vm::new(100, "n1").guest(guest)).await;
        assert_eq!(ask(&pve, "fsn").await.0.data(), expected);
    }
    let pve = start(Vm::new(100, "n1").guest(Guest::Disabled)).await;
    let data = ask(&pve, "fsn").await.0.data();
    assert_eq!(data["result"]["error"]["class"], "CommandNotFound");
    pve.update(|model| {
        let (class, desc) = ("GenericError".to_owned(), "no memory".to_owned());
        model.vm(100).guest = Guest::Error { class, desc };
    });
    let data = ask(&pve, "fsn").await.0.data();
    assert_eq!(
        data["result"]["error"],
        json!({"class": "GenericError", "desc": "no memory"})
    );
}
