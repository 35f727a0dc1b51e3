//! What a deletion rests on is as new as the list that gave rise to it; and what is counted of the way there.

use std::sync::Arc;

use cloud::announce::Announcer;
use cloud::machines::{Lists, resolve, with_evidence};
use cloud::metrics::Metrics;
use cloud::plan::facts::{NodeFacts, Permissions, RegionView};
use cloud::plan::settings::Settings as Features;
use cloud::source::{Source, Sources};
use cloud::world::{Options, Shared, World};
use runtime::answer::Answer;
use testkit::proxmox::{Privileges, Template, Vm};

use crate::ground::{REGION, Running, TOKEN, cluster, run, settings};
use crate::lists::newer;

/// A world with this one source. Nothing listens where its API server is said to be.
fn world(running: &Running) -> Arc<World> {
    let nowhere = kube::Config::new("http://127.0.0.1:1".parse().expect("a URL"));
    World::new(Shared {
        client: kube::Client::try_from(nowhere).expect("a client"),
        sources: Sources::new([running.source.clone() as Arc<dyn Source>]),
        settings: Features::default(),
        options: Options::default(),
        metrics: Metrics::default(),
        source_metrics: running.metrics.clone(),
        announcer: Announcer::default(),
        holds: Arc::new(|| false),
        wall: jiff::Timestamp::now,
    })
}

/// What is known of our privileges at the moment a machine is missed in the newest list.
async fn held(world: &World, running: &Running) -> Answer<Permissions> {
    let view = RegionView {
        list: Answer::Known(newer(running).await),
        ..RegionView::silent(REGION.parse().expect("a region's name"), "not asked")
    };
    let [view] = with_evidence(world, vec![view])
        .await
        .try_into()
        .expect("one region");
    view.permissions
}

/// Privileges that were read before a list was taken say nothing about what is missing in it.
#[tokio::test]
async fn case_92_an_empty_list_counts_only_with_privileges_that_were_read_after_it() {
    let pve = cluster().start().await.unwrap();
    let running = run(&settings(&pve));
    let world = world(&running);
    pve.update(|model| {
        for id in [100, 200] {
            model.region(REGION).remove_vm(id);
        }
    });
    assert!(matches!(held(&world, &running).await, Answer::Known(all) if all.vm_audit));
    pve.revoke(REGION, TOKEN.0, "VM.Audit");
    assert!(matches!(held(&world, &running).await, Answer::Known(all) if !all.vm_audit));
    pve.update(|model| *model.region(REGION).privileges(TOKEN.0) = Privileges::all());
    assert!(matches!(held(&world, &running).await, Answer::Known(all) if all.vm_audit));
    assert_eq!(pve.count(Template::Permissions), 3, "one per list");
}

/// Everybody who misses a machine in one list is served by one question.
#[tokio::test]
async fn a_thousand_nodes_that_miss_their_machine_ask_once() {
    let pve = cluster().start().await.unwrap();
    let running = run(&settings(&pve));
    let world = world(&running);
    pve.revoke(REGION, TOKEN.0, "VM.Audit");
    let view = RegionView {
        list: Answer::Known(newer(&running).await),
        ..RegionView::silent(REGION.parse().expect("a region's name"), "not asked")
    };
    let asked = (0..1000).map(|_| with_evidence(&world, vec![view.clone()]));
    for views in futures::future::join_all(asked).await {
        assert!(matches!(&views[0].permissions, Answer::Known(all) if !all.vm_audit));
    }
    let counts = (
        pve.count(Template::Permissions),
        pve.count(Template::ClusterStatus),
    );
    assert_eq!(counts, (1, 1));
}

/// A Node as its kubelet made it.
fn node(name: &str, vm: u32, provider_id: &str, instance_id: Option<&str>) -> NodeFacts {
    let mut facts = NodeFacts::read(&k8s_openapi::api::core::v1::Node::default());
    facts.name = name.into();
    facts.provider_id = provider_id.into();
    facts.system_uuid = cloud::plan::facts::SystemUuid::new(&Vm::uuid_of(vm));
    facts.instance_id = instance_id.map(Into::into);
    facts
        .labels
        .insert(cloud::names::PROXMOX_REGION.into(), REGION.into());
    facts
}

/// The families of the replaced controller count what they say (§11).
#[tokio::test]
async fn questions_are_counted_by_the_way_a_machine_was_found() {
    let pve = cluster().start().await.unwrap();
    let running = run(&settings(&pve));
    let world = world(&running);
    let asked = || {
        let (mut text, mut registry) = (String::new(), prometheus_client::registry::Registry::default());
        running.metrics.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        ["findVmByNode", "findVmByUUID", "getInstanceInfo"].map(|name| {
            let start = format!("proxmox_api_request_duration_seconds_count{{request=\"{name}\"}} ");
            let count = text.lines().find_map(|line| line.strip_prefix(&start));
            count.map_or(0, |count| count.parse::<u64>().unwrap())
        })
    };
    let known = format!("proxmox://{REGION}/100");
    for (what, node, counts) in [
        ("its provider ID", node("n1", 100, &known, None), [0, 0, 1]),
        ("its annotation", node("n1", 100, "", Some("100")), [0, 0, 2]),
        ("its name", node("n1", 100, "", None), [1, 0, 3]),
        (
            "an annotation that is wrong",
            node("n1", 100, "", Some("999")),
            [2, 0, 4],
        ),
        ("its UUID alone", node("other", 100, "", None), [3, 1, 5]),
        ("nothing", node("nobody", 900, "", None), [4, 2, 6]),
        ("another cloud", node("n1", 100, "k3s://n1", None), [4, 2, 6]),
    ] {
        resolve(&world, &node, Lists::AtHand, None).await;
        assert_eq!(asked(), counts, "found by {what}");
    }
}
