//! Instance types (cases 78 to 82): the SKU of the machine, or its size.

use cloud::names;
use testkit::proxmox::Vm;

use crate::ground::{New, Site, label, provider_id};

/// `smbios1` of machine `vm` with more fields.
fn smbios1(vm: u32, more: &str) -> String {
    format!("uuid={},{more}", Vm::uuid_of(vm))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instance_types_of_new_nodes() {
    let cases = [
        ("case_78", Vm::new(178, "c78").sku("c1.medium"), "c1.medium"),
        (
            "case_79",
            Vm::new(179, "c79").smbios1(&smbios1(179, "sku=YzEubGFyZ2U=,base64=1")),
            "c1.large",
        ),
        (
            "case_80",
            Vm::new(180, "c80").smbios1(&smbios1(180, "sku=bTV4bGFyZ2U")),
            "m5xlarge",
        ),
        ("case_81", Vm::new(181, "c81").sku("-medium.-"), "4VCPU-8GB"),
        (
            "case_82",
            Vm::new(182, "c82").cpus(1).memory(1_610_612_736),
            "1VCPU-1GB",
        ),
        (
            "case_82",
            Vm::new(282, "c82b").cpus(1).memory(536_870_912),
            "1VCPU-0GB",
        ),
    ];
    let site = Site::open(cases.iter().map(|(_, vm, _)| vm.clone())).await;
    let name = |vm: &Vm| vm.name.clone().expect("it has one");
    for (_, vm, _) in &cases {
        site.node(New::tainted(&name(vm), vm.id)).await;
    }
    let controller = site.start("").await;
    for (case, vm, expected) in &cases {
        let name = name(vm);
        let node = site.initialised(&name).await;
        assert_eq!(
            provider_id(&node),
            format!("proxmox://cluster-1/{}", vm.id),
            "{case}"
        );
        for key in [names::INSTANCE_TYPE, names::BETA_INSTANCE_TYPE] {
            assert_eq!(label(&node, key), *expected, "{case}: {key}");
        }
        site.event(&name, "Synced").await;
        let warnings: &[&str] = if *case == "case_81" { &["InvalidSKU"] } else { &[] };
        assert_eq!(site.warnings(&name).await, warnings, "{case}");
    }
    controller.stop().await;
}
