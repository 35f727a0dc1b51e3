//! A machine that is made anew from another one: it is switched off, gets the UUID, and no list hints at it.

use std::time::Duration;

use cloud::names;
use prometheus_client::registry::Registry;
use testkit::eventually;
use testkit::proxmox::{Template, Vm};

use crate::ground::{New, PATIENCE, Site, has_taint};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_102_a_machine_that_is_off_has_got_the_uuid_since_it_was_read() {
    let site = Site::open([
        Vm::new(100, "n1"),
        Vm::new(200, "n1-copy").stopped(),
        Vm::new(300, "other"),
    ])
    .await;
    let uuid = Vm::uuid_of(100);
    let controller = site.start("provider: capmox").await;
    site.node(New::tainted("n1", 100)).await;
    site.initialised("n1").await;

    site.pve.update(|model| {
        model.region("cluster-1").remove_vm(100);
    });
    site.node(New::tainted("n9", 900)).await;
    // Node n9 is looked for everywhere, so the configuration of every machine is known from here on.
    let read = |vm| {
        let log = site.pve.log();
        log.iter()
            .any(|entry| entry.template == Template::Config && entry.vm.as_deref() == Some(vm))
    };
    eventually(PATIENCE, "all configurations are known", || async {
        (read("200") && read("300"))
            .then_some(())
            .ok_or_else(|| site.pve.log_tail())
    })
    .await;
    site.pve.update(|model| {
        model.region("cluster-1").vm(200).smbios1 = Some(format!("uuid={uuid}"));
    });
    let unknown = serde_json::json!({"conditions": [{"type": "Ready", "status": "Unknown",
        "reason": "NodeStatusUnknown", "lastHeartbeatTime": "2026-01-01T00:00:00Z",
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    site.status("n1", &unknown).await;

    // It is found before its Node is deleted for want of it, and it is off.
    site.until("n1", "has the shutdown taint", |node| {
        has_taint(node, names::TAINT_SHUTDOWN)
    })
    .await;
    let before = site.pve.count(Template::Resources);
    eventually(PATIENCE + Duration::from_secs(30), "two lists later", || async {
        let lists = site.pve.count(Template::Resources) - before;
        (lists >= 2).then_some(()).ok_or_else(|| format!("{lists} lists"))
    })
    .await;
    site.get("n1").await;

    // In mode default no guest is asked, so these are the two questions of the lifecycle.
    let (mut text, mut registry) = (String::new(), Registry::default());
    controller.world.source_metrics.register(&mut registry);
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
    for question in ["getVmInfo", "getVmState"] {
        let line = format!("proxmox_api_request_duration_seconds_count{{request=\"{question}\"}}");
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
    controller.stop().await;
}
