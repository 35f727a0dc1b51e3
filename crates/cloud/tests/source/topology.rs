//! HA groups and rules, quorum, version (§9, §4.1).

use std::time::Duration;

use cloud::plan::facts::Quorum;
use cloud::source::Source;
use cloud::source::proxmox::Settings;
use runtime::answer::Answer;
use runtime::clock::BootTime;
use testkit::eventually;
use testkit::proxmox::{Fault, HaRule, Release, Template};
use tokio::time::timeout;

use crate::ground::{REGION, Running, SOON, TOKEN, cluster, run, settings, why};

async fn names(source: &Running) -> Vec<String> {
    match source.affinities().await {
        Answer::Known(all) => all.iter().map(|affinity| affinity.name.to_string()).collect(),
        other => panic!("no groups: {other:?}"),
    }
}

async fn version(source: &Running) -> String {
    eventually(SOON, "the version is known", || async {
        source
            .health()
            .version
            .map(|version| version.to_string())
            .ok_or_else(|| "unknown".to_owned())
    })
    .await
}

#[tokio::test]
async fn case_110_groups_of_pve_8_are_read_once_a_minute() {
    let pve = cluster()
        .release(Release::V8)
        .ha_group("zeta", "pve-1:2,pve-2")
        .ha_group("alpha", "pve-2,pve-1")
        .start()
        .await
        .unwrap();
    let source = run(&settings(&pve));
    assert!(version(&source).await.starts_with('8'));
    for _ in 0..5 {
        assert_eq!(names(&source).await, ["alpha", "zeta"]);
    }
    assert_eq!(
        (pve.count(Template::HaGroups), pve.count(Template::HaRules)),
        (1, 0)
    );
}

#[tokio::test]
async fn case_115_rules_of_pve_9_are_read_at_once_when_the_version_is_known() {
    let pve = cluster()
        .ha_group("alpha", "pve-1:2")
        .ha_rule(HaRule::node_affinity("off", "pve-1").disabled())
        .ha_rule(HaRule::resource_affinity("apart", "vm:100,vm:200"))
        .start()
        .await
        .unwrap();
    let source = run(&settings(&pve));
    assert!(version(&source).await.starts_with('9'));
    assert_eq!(names(&source).await, ["alpha"]);
    assert_eq!(
        (pve.count(Template::HaGroups), pve.count(Template::HaRules)),
        (0, 1)
    );
}

#[tokio::test]
async fn case_114_a_region_that_says_that_its_groups_are_rules_is_believed() {
    let pve = cluster().ha_group("alpha", "pve-1:2").start().await.unwrap();
    pve.fail(Fault::status(500, "no version today").on(Template::Version));
    let source = run(&settings(&pve));
    assert_eq!(names(&source).await, ["alpha"]);
    assert_eq!(
        (pve.count(Template::HaGroups), pve.count(Template::HaRules)),
        (1, 1),
        "{}",
        pve.log_tail()
    );
}

#[tokio::test]
async fn without_the_privilege_groups_and_quorum_are_unknown_and_lists_are_not() {
    let pve = cluster().start().await.unwrap();
    pve.revoke(REGION, TOKEN.0, "Sys.Audit");
    let source = run(&settings(&pve));
    assert!(why(source.affinities().await).contains("Sys.Audit"));
    assert!(why(source.quorum(BootTime::ZERO).await).contains("Sys.Audit"));
    assert_eq!(source.list().await.machines.len(), 2);
    // A refusal is remembered like an answer.
    assert!(source.affinities().await.is_unknown());
    assert_eq!(pve.count(Template::HaGroups) + pve.count(Template::HaRules), 1);
}

#[tokio::test]
async fn quorum_is_that_of_the_cluster_and_a_host_alone_has_it() {
    for (quorate, standalone, expected) in [
        (true, false, Quorum::Quorate),
        (false, false, Quorum::Lost),
        (true, true, Quorum::Quorate),
    ] {
        let pve = cluster()
            .edit(|region| (region.quorate, region.standalone) = (quorate, standalone))
            .start()
            .await
            .unwrap();
        assert_eq!(
            run(&settings(&pve)).quorum(BootTime::ZERO).await,
            Answer::Known(expected),
            "{quorate} {standalone}"
        );
    }
}

#[tokio::test]
async fn an_answer_slower_than_who_asks_is_kept_for_who_asks_next() {
    let pve = cluster().ha_group("alpha", "pve-1:2").start().await.unwrap();
    for template in [Template::HaGroups, Template::HaRules, Template::ClusterStatus] {
        pve.fail(Fault::delay(Duration::from_secs(1)).on(template));
    }
    let source = run(&Settings {
        timeout: Duration::from_secs(20),
        ..settings(&pve)
    });
    version(&source).await;
    let patience = Duration::from_millis(100);
    assert!(timeout(patience, source.affinities()).await.is_err());
    assert!(timeout(patience, source.quorum(BootTime::ZERO)).await.is_err());
    // Nobody waits any more, and yet both come.
    eventually(SOON, "both are known", || async {
        let (groups, quorum) = tokio::join!(
            timeout(patience, source.affinities()),
            timeout(patience, source.quorum(BootTime::ZERO))
        );
        match (groups, quorum) {
            (Ok(Answer::Known(_)), Ok(Answer::Known(Quorum::Quorate))) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(
        (pve.count(Template::HaRules), pve.count(Template::ClusterStatus)),
        (1, 1),
        "{}",
        pve.log_tail()
    );
}
