//! Several regions: one never hides another (cases 75, 76).

use testkit::proxmox::{Fault, Privileges, Vm};

use crate::ground::{New, Site, provider_id};
use crate::initialising::assert_labels;

const USER: (&str, &str) = ("kubernetes@pve", "secret-of-a-test");

async fn two_regions() -> (Site, String) {
    let site = Site::build(|builder| {
        builder
            .region("cluster-1")
            .host("pve-1")
            .vm(Vm::new(500, "other"))
            .user(USER.0, USER.1, Privileges::all())
            .region("cluster-2")
            .host("pve-b")
            .vm(Vm::new(175, "n75").host("pve-b"))
            .user(USER.0, USER.1, Privileges::all())
    })
    .await;
    let user = format!("username: \"{}\", password: \"{}\"", USER.0, USER.1);
    let text = format!(
        "clusters:\n{}{}",
        site.cluster("cluster-1", &user),
        site.cluster("cluster-2", &user)
    );
    (site, text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_75_the_machine_is_in_the_second_region() {
    let (site, text) = two_regions().await;
    site.node(New::tainted("n75", 175)).await;
    let controller = site.start_with(&text, |_, _| {}).await;
    let node = site.initialised("n75").await;
    assert_eq!(provider_id(&node), "proxmox://cluster-2/175");
    assert_labels("case_75", &node, "cluster-2", "pve-b");
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_76_a_region_that_refuses_us_hides_nothing_in_another() {
    let (site, text) = two_regions().await;
    site.pve
        .fail(Fault::status(401, "Authentication failed!").region("cluster-1"));
    site.node(New::tainted("n75", 175)).await;
    site.node(New::tainted("zz", 999)).await;
    let controller = site.start_with(&text, |_, _| {}).await;
    let node = site.initialised("n75").await;
    assert_eq!(provider_id(&node), "proxmox://cluster-2/175");
    // Who was found nowhere may be in the region that did not answer.
    site.event("zz", "RegionUnavailable").await;
    assert_eq!(site.events("zz").await.len(), 1, "and not InstanceNotFound");
    controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_never_answers_holds_up_nobody_of_another() {
    let (site, text) = two_regions().await;
    site.pve.region_silent("cluster-1").await;
    site.node(New::tainted("n75", 175)).await;
    let begun = std::time::Instant::now();
    let controller = site.start_with(&text, |_, _| {}).await;
    site.initialised("n75").await;
    assert!(
        begun.elapsed().as_secs() < 9,
        "sooner than the time limit of the silent region: {:?}",
        begun.elapsed()
    );
    controller.stop().await;
}
