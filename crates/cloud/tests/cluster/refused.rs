//! Configurations that are refused before anybody is asked (cases 47, 77, 130, 134). That the process says so and ends with
//! 1 is shown with the process; here: what reads the file refuses it, and neither Node nor Proxmox VE notices.

use cloud::config;
use cloud::source::metrics::Metrics;
use cloud::source::proxmox::Proxmox;
use testkit::proxmox::Vm;

use crate::ground::{New, Site, TOKEN};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_cannot_be_used() {
    let site = Site::open([Vm::new(147, "c47")]).await;
    let before = site.node(New::tainted("c47", 147)).await;
    let good = site.config("");
    let url = site.pve.url("cluster-1");
    let entry = good.lines().last().expect("the cluster");
    let user = format!("{}, username: u, password: p}}", entry.trim_end_matches('}'));
    let bogus = site.config("network: {mode: bogus}");
    for (case, text, expected) in [
        ("case_47", bogus, "\"bogus\"; use one of default, auto, qemu"),
        (
            "case_77",
            good.replace("region: cluster-1", "region: cluster 1"),
            "region \"cluster 1\"",
        ),
        (
            "case_130: no clusters",
            "features: {}\n".to_owned(),
            "no clusters",
        ),
        ("case_130: an empty file", String::new(), "the file is empty"),
        (
            "case_130: an ftp URL",
            good.replace(&url, "ftp://192.0.2.1"),
            "API URL missing",
        ),
        (
            "case_130: no region",
            good.replace("region: cluster-1, ", ""),
            "region missing",
        ),
        (
            "case_130: two kinds of credentials",
            good.replace(entry, &user),
            "only one kind of credentials",
        ),
        (
            "case_134",
            format!("{good}{entry}\n"),
            "region cluster-1 is the region of cluster 1 too",
        ),
    ] {
        let refused = config::parse(&text)
            .err()
            .unwrap_or_else(|| panic!("{case} is accepted: {text}"));
        let said = refused.to_string();
        assert_eq!(refused.problems.len(), 1, "{case}: {said}");
        assert!(said.contains(expected), "{case}: {said}");
        assert!(!said.contains(TOKEN.1), "{case}: {said}");
    }
    let files = "token_id_file: /nowhere/id, token_secret_file: /nowhere/secret";
    let text = format!("clusters:\n{}", site.cluster("cluster-1", files));
    let config = config::parse(&text).expect("the file itself is fine");
    let refused =
        Proxmox::new(&config.regions[0], &Metrics::default()).expect_err("the token cannot be read");
    assert!(
        runtime::answer::chain(&refused).contains("/nowhere/id"),
        "case_130: {refused}"
    );
    assert_eq!(site.pve.requests_total(), 0, "{}", site.pve.log_tail());
    assert_eq!(site.get("c47").await, before, "untouched");
}
