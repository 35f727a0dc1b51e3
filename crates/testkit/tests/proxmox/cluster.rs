//! High availability, quorum and addresses.

use serde_json::{Value, json};
use testkit::proxmox::{HaRule, Privileges, Release, Vm};

use crate::client::{Client, SECRET, TOKEN, fsn};

#[tokio::test]
async fn groups_are_for_pve_8_and_rules_for_pve_9() {
    let builder = fsn()
        .release(Release::V8)
        .ha_group("g1", "pve-1:2,pve-2:1")
        .vm(Vm::new(100, "n1").ha_group("g1"));
    let builder = builder.region("new").token(TOKEN, SECRET, Privileges::all());
    let builder = builder
        .ha_group("g1", "pve-1:2,pve-2:1")
        .vm(Vm::new(100, "n1").ha_group("g1"));
    let builder = builder.ha_rule(
        HaRule::node_affinity("off", "pve-1")
            .resources("vm:102")
            .disabled(),
    );
    let builder = builder.ha_rule(HaRule::resource_affinity("together", "vm:100,vm:101"));
    let pve = builder.start().await.expect("two clusters");
    let (old, new) = (Client::new(&pve, "fsn"), Client::new(&pve, "new"));

    let groups = old.get("/cluster/ha/groups").await.data();
    assert_eq!(
        (&groups[0]["group"], &groups[0]["nodes"]),
        (&json!("g1"), &json!("pve-1:2,pve-2:1"))
    );
    let rules = old.get("/cluster/ha/rules?type=node-affinity").await;
    rules.is_error(501, "Method 'GET /cluster/ha/rules' not implemented");
    assert_eq!(old.get("/cluster/ha/resources").await.data()[0]["group"], "g1");

    let groups = new.get("/cluster/ha/groups").await;
    groups.is_error(500, "cannot index groups: ha groups have been migrated to rules");
    let rules = new.get("/cluster/ha/rules?type=node-affinity").await.data();
    let names: Vec<&Value> = rules
        .as_array()
        .expect("a list")
        .iter()
        .map(|rule| &rule["rule"])
        .collect();
    assert_eq!(names, ["ha-group-g1", "off"]);
    assert_eq!(
        (&rules[0]["nodes"], &rules[0]["resources"]),
        (&json!("pve-1:2,pve-2:1"), &json!("vm:100"))
    );
    assert_eq!(rules[0]["comment"], "Generated from HA group 'g1'.");
    assert_eq!((rules[0].get("disable"), &rules[1]["disable"]), (None, &json!(1)));
    let all = new.get("/cluster/ha/rules").await.data();
    assert_eq!(
        (all.as_array().map(Vec::len), all[2].get("nodes")),
        (Some(3), None)
    );
    let resources = new.get("/cluster/ha/resources").await.data();
    assert_eq!(
        (&resources[0]["sid"], resources[0].get("group")),
        (&json!("vm:100"), None)
    );

    pve.update(|model| model.region("new").vm(100).ha.as_mut().expect("managed").state = "fence".to_owned());
    let status = new.get("/cluster/ha/status/current").await.data();
    let entries = status.as_array().expect("a list");
    let service = entries
        .iter()
        .find(|entry| entry["type"] == "service")
        .expect("the VM");
    assert_eq!(
        (&service["sid"], &service["state"]),
        (&json!("vm:100"), &json!("fence"))
    );
    assert_eq!(
        new.get("/cluster/resources?type=vm").await.data()[0]["hastate"],
        "fence"
    );

    pve.update(|model| model.region("new").ha_migrated = false);
    assert_eq!(
        new.get("/cluster/ha/groups").await.data()[0]["group"],
        "g1",
        "upgraded, not yet migrated"
    );
}

#[tokio::test]
async fn the_cluster_knows_its_quorum_and_its_addresses() {
    let builder = fsn().host("pve-1").host("pve-2").endpoints(2);
    let builder = builder
        .region("alone")
        .host("solo")
        .edit(|region| region.standalone = true);
    let pve = builder
        .token(TOKEN, SECRET, Privileges::all())
        .start()
        .await
        .expect("two clusters");
    let client = Client::new(&pve, "fsn");
    let status = client.get("/cluster/status").await.data();
    assert_eq!(
        (&status[0]["type"], &status[0]["quorate"], &status[0]["nodes"]),
        (&json!("cluster"), &json!(1), &json!(2))
    );
    assert_eq!(
        (&status[1]["name"], &status[1]["local"]),
        (&json!("pve-1"), &json!(1))
    );
    let urls = pve.urls("fsn");
    let second = status[2]["ip"].as_str().expect("an address");
    assert!(
        urls[1].starts_with(&format!("https://{second}:")),
        "{urls:?} {second}"
    );
    let other = Client::through(&pve, &urls[1]).token(TOKEN, SECRET);
    assert_eq!(
        other.get("/cluster/status").await.data()[2]["local"],
        1,
        "asked there, it is the local one"
    );
    pve.update(|model| model.region("fsn").quorate = false);
    assert_eq!(client.get("/cluster/status").await.data()[0]["quorate"], 0);
    let alone = Client::new(&pve, "alone").get("/cluster/status").await.data();
    assert_eq!(
        (alone.as_array().map(Vec::len), &alone[0]["type"]),
        (Some(1), &json!("node"))
    );
}
