//! Tokens, users, tickets, privileges.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::ProxmoxVe;
use testkit::proxmox::{Limits, Privileges, Release, Vm};

use crate::client::{Answer, Client, SECRET, TOKEN, fsn};

const USER: &str = "kubernetes@pve";
const PASSWORD: &str = "pa+ss w%rd";

async fn with_user(limits: Limits) -> ProxmoxVe {
    let builder = fsn()
        .limits(limits)
        .vm(Vm::new(100, "n1"))
        .user(USER, PASSWORD, Privileges::all());
    builder.start().await.expect("a cluster")
}

async fn log_in(pve: &ProxmoxVe, password: &str) -> Answer {
    let body = json!({"username": USER, "password": password}).to_string();
    Client::anonymous(pve, "fsn")
        .post("/access/ticket", "application/json", &body)
        .await
}

fn ticket(answer: &Answer) -> String {
    answer.data()["ticket"].as_str().expect("a ticket").to_owned()
}

#[test]
fn a_real_cluster_holds_a_refusal_back_for_three_seconds() {
    let real = Limits::default();
    assert_eq!(
        (real.unauthorized, real.idle),
        (Duration::from_secs(3), Duration::from_secs(5))
    );
    assert_eq!(
        (real.ticket, real.requests_per_connection),
        (Duration::from_secs(7200), 100)
    );
}

#[tokio::test]
async fn a_refusal_is_late_and_has_no_body() {
    let limits = Limits {
        unauthorized: Duration::from_millis(300),
        ..Limits::quick()
    };
    let pve = fsn().limits(limits).start().await.expect("a cluster");
    let nobody = Client::anonymous(&pve, "fsn");
    for (client, reason) in [
        (nobody.clone(), "No ticket"),
        (nobody.clone().header("authorization", "Bearer x"), "No ticket"),
        (nobody.clone().token(TOKEN, "wrong"), "Authentication failed!"),
        (
            nobody.clone().token("other@pve!ccm", SECRET),
            "Authentication failed!",
        ),
        (
            nobody.ticket("PVE:kubernetes@pve:69203A11::x"),
            "Authentication failed!",
        ),
    ] {
        let begin = Instant::now();
        client.get("/version").await.is_bare(401, reason);
        assert!(
            begin.elapsed() >= Duration::from_millis(300),
            "{reason} after {:?}",
            begin.elapsed()
        );
    }
}

#[tokio::test]
async fn a_ticket_opens_what_a_token_opens() {
    let pve = with_user(Limits::quick()).await;
    let answer = log_in(&pve, PASSWORD).await;
    let data = answer.data();
    assert_eq!(
        (&data["username"], &data["clustername"]),
        (&json!(USER), &json!("fsn"))
    );
    assert_eq!(data["cap"]["vms"]["VM.Audit"], 1);
    assert!(ticket(&answer).starts_with("PVE:kubernetes@pve:"), "{data}");
    let client = Client::anonymous(&pve, "fsn").ticket(&ticket(&answer));
    assert_eq!(
        client.get("/cluster/resources?type=vm").await.data()[0]["vmid"],
        100
    );

    let escaped = ticket(&answer)
        .replace('+', "%2B")
        .replace('=', "%3D")
        .replace('/', "%2F");
    let client = Client::anonymous(&pve, "fsn").ticket(&format!("{escaped}; other=1"));
    client.get("/version").await.data();
}

#[tokio::test]
async fn a_log_in_may_be_a_form_with_the_realm_apart() {
    let pve = with_user(Limits::quick()).await;
    let body = "username=kubernetes&realm=pve&password=pa%2Bss+w%25rd";
    let client = Client::anonymous(&pve, "fsn");
    let answer = client
        .post("/access/ticket", "application/x-www-form-urlencoded", body)
        .await;
    assert_eq!(answer.data()["username"], USER);
    let answer = client
        .post("/access/ticket", "application/json", "{\"username\":\"a@pve\"}")
        .await;
    answer.is_error(400, "Parameter verification failed.");
    assert_eq!(
        answer.json()["errors"]["password"],
        "property is missing and it is not optional"
    );
}

#[tokio::test]
async fn a_ticket_renews_itself_until_it_expires() {
    let pve = with_user(Limits {
        ticket: Duration::from_millis(800),
        ..Limits::quick()
    })
    .await;
    let first = ticket(&log_in(&pve, PASSWORD).await);
    let second = ticket(&log_in(&pve, &first).await);
    assert_ne!(first, second);
    let client = Client::anonymous(&pve, "fsn").ticket(&second);
    client.get("/version").await.data();
    testkit::eventually(crate::client::SOON, "the ticket expires", async || {
        let answer = client.get("/version").await;
        if answer.status == 401 {
            Ok(answer)
        } else {
            Err(answer.reason)
        }
    })
    .await
    .is_bare(401, "Authentication failed!");
    log_in(&pve, &second)
        .await
        .is_error(401, "authentication failure");
    let third = ticket(&log_in(&pve, PASSWORD).await);
    pve.update(|model| model.region("fsn").expire_tickets());
    let client = Client::anonymous(&pve, "fsn").ticket(&third);
    client
        .get("/version")
        .await
        .is_bare(401, "Authentication failed!");
}

#[tokio::test]
async fn wrong_log_ins_fail_with_a_body() {
    let pve = with_user(Limits::quick()).await;
    log_in(&pve, "wrong")
        .await
        .is_error(401, "authentication failure");
    let body = json!({"username": TOKEN, "password": SECRET}).to_string();
    let client = Client::anonymous(&pve, "fsn");
    let answer = client.post("/access/ticket", "application/json", &body).await;
    answer.is_error(401, "authentication failure");
    let good = ticket(&log_in(&pve, PASSWORD).await);
    pve.update(|model| model.region("fsn").users.get_mut(USER).expect("the user").enabled = false);
    log_in(&pve, PASSWORD)
        .await
        .is_error(401, "authentication failure");
    client
        .ticket(&good)
        .get("/version")
        .await
        .is_bare(401, "Authentication failed!");
}

#[tokio::test]
async fn a_second_factor_makes_the_ticket_useless() {
    let pve = with_user(Limits::quick()).await;
    pve.update(|model| model.region("fsn").users.get_mut(USER).expect("the user").tfa = true);
    let answer = log_in(&pve, PASSWORD).await;
    assert_eq!(answer.data()["NeedTFA"], 1);
    let client = Client::anonymous(&pve, "fsn").ticket(&ticket(&answer));
    client
        .get("/version")
        .await
        .is_bare(401, "Authentication failed!");
}

#[tokio::test]
async fn writing_with_a_ticket_needs_the_second_token() {
    let pve = with_user(Limits::quick()).await;
    let answer = log_in(&pve, PASSWORD).await;
    let client = Client::anonymous(&pve, "fsn").ticket(&ticket(&answer));
    let refused = client.post("/version", "application/json", "{}").await;
    refused.is_bare(401, "Permission denied - invalid csrf token");
    let data = answer.data();
    let csrf = data["CSRFPreventionToken"].as_str().expect("a token");
    let passed = client
        .header("csrfpreventiontoken", csrf)
        .post("/version", "application/json", "{}")
        .await;
    passed.is_error(501, "Method 'POST /version' not implemented");
}

#[tokio::test]
async fn each_missing_privilege_is_named() {
    let none = Privileges::none();
    let builder = fsn().vm(Vm::new(100, "n1")).token("x@pve!t", "s", none.clone());
    let builder = builder
        .region("old")
        .release(Release::V8)
        .vm(Vm::new(100, "n1"))
        .token("x@pve!t", "s", none);
    let pve = builder.start().await.expect("two clusters");
    let new = Client::anonymous(&pve, "fsn").token("x@pve!t", "s");
    let old = Client::anonymous(&pve, "old").token("x@pve!t", "s");
    new.get("/version").await.data();
    for (client, path, missing) in [
        (&new, "/nodes/pve-1/qemu/100/config", "/vms/100, VM.Audit"),
        (&new, "/nodes/pve-1/qemu/100/status/current", "/vms/100, VM.Audit"),
        (
            &new,
            "/nodes/pve-1/qemu/100/agent/network-get-interfaces",
            "/vms/100, VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted",
        ),
        (
            &old,
            "/nodes/pve-1/qemu/100/agent/network-get-interfaces",
            "/vms/100, VM.Monitor",
        ),
        (&new, "/cluster/status", "/, Sys.Audit"),
        (&new, "/cluster/ha/groups", "/, Sys.Audit"),
        (&new, "/cluster/ha/rules", "/, Sys.Audit"),
        (&new, "/cluster/ha/resources", "/, Sys.Audit"),
        (&new, "/cluster/ha/status/current", "/, Sys.Audit"),
    ] {
        client
            .get(path)
            .await
            .is_error(403, &format!("Permission check failed ({missing})"));
    }
}

#[tokio::test]
async fn one_may_ask_what_one_may() {
    let some = Privileges::none()
        .grant("/", "Sys.Audit")
        .grant_here("/vms", "VM.Audit")
        .grant("/vms/100", "VM.Monitor");
    let pve = fsn()
        .token("some@pve!t", "s", some)
        .token("none@pve!t", "n", Privileges::none())
        .start()
        .await;
    let pve = pve.expect("a cluster");
    let all = Client::new(&pve, "fsn").get("/access/permissions").await.data();
    assert_eq!(
        all["/vms"],
        json!({"Sys.Audit": 1, "VM.Audit": 1, "VM.GuestAgent.Audit": 1}),
        "{all}"
    );
    let client = Client::anonymous(&pve, "fsn");
    let some = client
        .clone()
        .token("some@pve!t", "s")
        .get("/access/permissions")
        .await
        .data();
    assert_eq!(
        (&some["/"], &some["/vms"]),
        (&json!({"Sys.Audit": 1}), &json!({"VM.Audit": 0})),
        "{some}"
    );
    let none = client
        .token("none@pve!t", "n")
        .get("/access/permissions")
        .await
        .data();
    assert_eq!(none, json!({}));
    pve.revoke("fsn", TOKEN, "VM.Audit");
    let fewer = Client::new(&pve, "fsn").get("/access/permissions").await.data();
    assert_eq!(fewer["/"].get("VM.Audit"), None::<&Value>, "{fewer}");
}
