//! Fail-over, TLS, broken and hostile answers (§2, §17.4).

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloud::plan::facts::GuestReason;
use cloud::source::proxmox::{Proxmox, Settings};
use cloud::source::{Freshness, Source, Sources};
use futures::future::join_all;
use runtime::answer::Answer;
use testkit::proxmox::{Fault, Privileges, Template, Vm};

use crate::ground::{LIMIT, REGION, TOKEN, cluster, reason, run, settings, why};

/// Which end points were asked for this template, in order.
fn places(pve: &testkit::ProxmoxVe, template: Template) -> Vec<usize> {
    pve.log()
        .iter()
        .filter(|entry| entry.template == template)
        .map(|entry| entry.endpoint)
        .collect()
}

#[tokio::test]
async fn an_end_point_that_is_down_is_left_for_the_next_one_which_is_kept() {
    let pve = cluster().endpoints(3).start().await.unwrap();
    pve.endpoint_down(REGION, 0).await;
    let source = run(&settings(&pve));
    let (one, two) = (source.machine(100).await, source.machine(200).await);
    assert!(matches!(source.config(&one).await, Answer::Known(_)));
    pve.endpoint_up(REGION, 0).await;
    assert!(matches!(source.config(&two).await, Answer::Known(_)));
    assert_eq!(
        places(&pve, Template::Config),
        [1, 1],
        "no fall back while it works"
    );
    pve.endpoint_down(REGION, 1).await;
    assert_eq!(source.addresses(100).await, ["10.0.0.5"]);
    assert_eq!(places(&pve, Template::GuestInterfaces), [2]);
}

#[tokio::test]
async fn an_end_point_that_accepts_and_says_nothing_costs_three_seconds_once() {
    let pve = cluster().endpoints(2).start().await.unwrap();
    pve.endpoint_silent(REGION, 0).await;
    // The limit of the request itself is longer, so that it is the connection that is given up.
    let source = run(&Settings {
        timeout: Duration::from_secs(10),
        ..settings(&pve)
    });
    let start = Instant::now();
    source.list().await;
    assert!(
        (3..9).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
    let start = Instant::now();
    assert_eq!(source.addresses(100).await, ["10.0.0.5"]);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_end_point_that_takes_requests_and_never_answers_is_not_held_against_the_hosts() {
    let pve = cluster().endpoints(2).start().await.unwrap();
    let source = run(&settings(&pve));
    let (one, two) = (source.machine(100).await, source.machine(200).await);
    pve.fail(Fault::hang().endpoint(0));
    for answer in join_all((0..4).map(|_| source.guest(&one))).await {
        assert_eq!(reason(&answer), GuestReason::Timeout);
    }
    // The next ones begin at the other end point, and stay there; the host is not left alone for four time-outs at once.
    assert_eq!(source.addresses(100).await, ["10.0.0.5"]);
    assert!(matches!(source.config(&one).await, Answer::Known(_)));
    assert!(matches!(source.config(&two).await, Answer::Known(_)));
    let requests = [Template::GuestInterfaces, Template::Config].map(|template| places(&pve, template));
    assert_eq!(requests, [vec![0, 0, 0, 0, 1], vec![1, 1]], "{}", pve.log_tail());
}

#[tokio::test]
async fn an_end_point_that_restarts_is_left_for_the_next_one() {
    let pve = cluster().endpoints(2).start().await.unwrap();
    pve.fail(Fault::status(503, "Service Unavailable").endpoint(0));
    let source = run(&settings(&pve));
    assert_eq!(source.addresses(100).await, ["10.0.0.5"]);
}

#[tokio::test]
async fn a_region_that_is_down_is_unknown_and_says_why() {
    let pve = cluster().start().await.unwrap();
    pve.region_down(REGION).await;
    let source = run(&settings(&pve));
    let why = why(source.machines(Freshness::Current).await);
    assert!(why.contains("cannot connect to https://127.0.0.1"), "{why}");
    assert_eq!(source.health().up, Some(false));
    // Whoever asks while it is known to be down is told at once.
    let start = Instant::now();
    assert!(source.machines(Freshness::Current).await.is_unknown());
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
    pve.region_up(REGION).await;
    testkit::eventually(Duration::from_secs(30), "the region answers again", || async {
        match source.machines(Freshness::Current).await {
            Answer::Known(_) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn a_read_whose_connection_breaks_is_sent_once_more() {
    let pve = cluster().start().await.unwrap();
    let source = run(&settings(&pve));
    let machine = source.machine(100).await;
    for (fault, name) in [(Fault::reset(), "reset"), (Fault::truncate(), "truncated")] {
        pve.reset_counts();
        pve.fail(fault.clone().on(Template::GuestInterfaces).times(1));
        assert_eq!(source.addresses(100).await, ["10.0.0.5"], "{name}");
        assert_eq!(
            pve.count(Template::GuestInterfaces),
            2,
            "{name}:\n{}",
            pve.log_tail()
        );

        pve.reset_counts();
        let broken = pve.fail(fault.on(Template::Config));
        let why = why(source.config(&machine).await);
        assert!(why.contains("broke"), "{name}: {why}");
        assert_eq!(
            pve.count(Template::Config),
            2,
            "{name}: not more than once:\n{}",
            pve.log_tail()
        );
        broken.heal();
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_no_answer() {
    let pve = cluster().start().await.unwrap();
    pve.fail(Fault::text("<html>Log in to the hotel's network</html>").on(Template::Resources));
    let source = run(&settings(&pve));
    let why = why(source.machines(Freshness::Current).await);
    assert!(
        why.contains("the list of machines cannot be read") && why.contains("<html>"),
        "{why}"
    );
}

#[tokio::test]
async fn certificates_count_unless_told_otherwise() {
    let pve = cluster().start().await.unwrap();
    let good = settings(&pve);
    let strangers = run(&Settings {
        ca_file: None,
        ..good.clone()
    });
    let why = why(strangers.machines(Freshness::Current).await);
    assert!(why.contains("certificate"), "{why}");
    assert_eq!(
        pve.requests_total(),
        0,
        "nothing is sent to a server that is not believed:\n{}",
        pve.log_tail()
    );

    run(&Settings {
        ca_file: None,
        ca: Some(pve.ca_pem().to_owned()),
        ..good.clone()
    })
    .list()
    .await;
    run(&Settings {
        ca_file: None,
        insecure: true,
        ..good
    })
    .list()
    .await;

    let alone = cluster().self_signed().start().await.unwrap();
    run(&Settings {
        ca_file: None,
        insecure: true,
        ..settings(&alone)
    })
    .list()
    .await;
}

#[tokio::test]
async fn case_133_plain_http_works_and_a_trailing_slash_does_no_harm() {
    let pve = cluster().plain_http().start().await.unwrap();
    let urls = pve.urls(REGION).iter().map(|url| format!("{url}/")).collect();
    let source = run(&Settings {
        urls,
        ca_file: None,
        ..settings(&pve)
    });
    assert_eq!(source.addresses(100).await, ["10.0.0.5"]);
}

#[tokio::test]
async fn connections_are_used_again_and_few() {
    let vms = (1000..1250).map(|id| Vm::new(id, &format!("n{id}")).host("pve-1"));
    let pve = cluster().vms(vms).start().await.unwrap();
    let source = run(&settings(&pve));
    let list = source.list().await;
    let reads = list.machines.values().map(|machine| source.config(machine));
    for answer in join_all(reads).await {
        assert!(
            matches!(answer, Answer::Known(_)),
            "{answer:?}\n{}",
            pve.log_tail()
        );
    }
    // 252 reads at 100 per connection, four at a time.
    assert!(
        pve.connections_total() <= 16,
        "{} connections",
        pve.connections_total()
    );
}

#[tokio::test]
async fn unusable_settings_are_named() {
    let pve = cluster().start().await.unwrap();
    let refused = |settings: Settings| {
        Proxmox::new(&settings, &Default::default())
            .unwrap_err()
            .to_string()
    };
    let missing = refused(Settings {
        ca_file: Some("/does/not/exist.pem".into()),
        ..settings(&pve)
    });
    assert!(missing.contains("/does/not/exist.pem"), "{missing}");
    let url = refused(Settings {
        urls: vec!["pve-1:8006".into()],
        ..settings(&pve)
    });
    assert!(url.contains("pve-1:8006") && url.contains("/api2/json"), "{url}");
    assert!(
        refused(Settings {
            urls: vec![],
            ..settings(&pve)
        })
        .contains("no API URL")
    );
}

#[tokio::test]
async fn case_76_a_region_that_fails_hides_nothing_of_another() {
    let pve = cluster()
        .region("nbg")
        .vm(Vm::new(100, "n1").host("pve-9"))
        .token(TOKEN.0, "another secret", Privileges::all())
        .start()
        .await
        .unwrap();
    let good = run(&settings(&pve));
    // Its credentials are those of the first region, so every request ends in 401.
    let refused = Settings {
        region: "nbg".parse().unwrap(),
        urls: pve.urls("nbg"),
        ..settings(&pve)
    };
    let refused = run(&refused);
    let all = Sources::new([good.source.clone() as Arc<dyn Source>, refused.source.clone()]);
    let names: Vec<_> = all.iter().map(|source| source.region().to_string()).collect();
    assert_eq!(names, ["fsn", "nbg"]);
    let of = |name: &str| all.get(&name.parse().unwrap()).cloned().unwrap();
    assert!(why(of("nbg").machines(Freshness::Current).await).contains("401"));
    assert!(
        matches!(of("fsn").machines(Freshness::Current).await, Answer::Known(list) if list.get(100).is_some())
    );
    assert!(all.get(&"hel".parse().unwrap()).is_none());
}
