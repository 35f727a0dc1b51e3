//! Tokens, token files, log-ins (A.1; cases 132, 135 to 137).

use std::fs;

use cloud::plan::facts::GuestReason;
use cloud::source::proxmox::Credentials;
use cloud::source::{Freshness, Secret, Source};
use runtime::answer::Answer;
use runtime::clock::BootTime;
use testkit::ProxmoxVe;
use testkit::eventually;
use testkit::proxmox::{Builder, Fault, Privileges, Template};

use crate::ground::{REGION, SOON, TOKEN, cluster, reason, run, settings, why};

const USER: (&str, &str) = ("kubernetes@pve", "correct horse");

fn with_user() -> Builder {
    cluster().user(USER.0, USER.1, Privileges::all())
}

fn log_in(pve: &ProxmoxVe, password: &str) -> cloud::source::proxmox::Settings {
    let password = Secret::new(password);
    cloud::source::proxmox::Settings {
        credentials: Credentials::Password {
            username: USER.0.into(),
            password,
        },
        ..settings(pve)
    }
}

#[tokio::test]
async fn case_96_a_refused_token_is_no_answer_and_is_not_shown() {
    let pve = cluster().start().await.unwrap();
    let secret = Secret::new("wrong-secret");
    let mut settings = settings(&pve);
    settings.credentials = Credentials::Token {
        id: TOKEN.0.into(),
        secret,
    };
    let source = run(&settings);
    let why = why(source.machines(Freshness::Current).await);
    assert!(why.contains("401") && !why.contains("wrong-secret"), "{why}");
    assert!(!format!("{:?} {settings:?}", source.source).contains("wrong-secret"));
    assert_eq!(source.health().up, Some(false));
}

#[tokio::test]
async fn a_token_that_is_replaced_in_its_file_is_used_after_the_first_refusal() {
    let pve = cluster().start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (id, secret) = (dir.path().join("id"), dir.path().join("secret"));
    fs::write(&id, format!("  {}\n", TOKEN.0)).unwrap();
    fs::write(&secret, format!("{}\n\n", TOKEN.1)).unwrap();
    let mut settings = settings(&pve);
    settings.credentials = Credentials::TokenFiles {
        id,
        secret: secret.clone(),
    };
    let source = run(&settings);
    source.list().await;

    pve.update(|model| {
        let token = model
            .region(REGION)
            .tokens
            .get_mut(TOKEN.0)
            .expect("the token of this test");
        token.secret = "rotated".to_owned();
    });
    fs::write(&secret, "rotated\n").unwrap();
    pve.reset_counts();
    assert!(
        matches!(source.permissions(BootTime::ZERO).await, Answer::Known(_)),
        "{}",
        pve.log_tail()
    );
    // The version may be asked for at the same time, and refused as well.
    let statuses: Vec<u16> = pve
        .log()
        .iter()
        .filter(|entry| entry.template == Template::Permissions)
        .map(|entry| entry.status)
        .collect();
    assert!(
        statuses.len() <= 2 && statuses.last() == Some(&200),
        "{}",
        pve.log_tail()
    );
}

#[tokio::test]
async fn a_refused_token_is_sent_once_when_the_files_hold_no_other() {
    let pve = cluster().start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (id, secret) = (dir.path().join("id"), dir.path().join("secret"));
    fs::write(&id, TOKEN.0).unwrap();
    fs::write(&secret, "wrong").unwrap();
    let mut settings = settings(&pve);
    settings.credentials = Credentials::TokenFiles { id, secret };
    let source = cloud::source::proxmox::Proxmox::new(&settings, &Default::default()).unwrap();
    assert!(source.permissions(BootTime::ZERO).await.is_unknown());
    assert_eq!(pve.count(Template::Permissions), 1);
}

#[tokio::test]
async fn case_135_a_user_logs_in_first_and_only_once() {
    let pve = with_user().start().await.unwrap();
    let source = run(&log_in(&pve, USER.1));
    let (one, two) = (source.machine(100).await, source.machine(200).await);
    let (a, b, c) = tokio::join!(
        source.config(&one),
        source.config(&two),
        source.permissions(BootTime::ZERO)
    );
    assert!(
        matches!((a, b, c), (Answer::Known(_), Answer::Known(_), Answer::Known(_))),
        "{}",
        pve.log_tail()
    );
    assert_eq!(pve.count(Template::Ticket), 1);
    assert!(
        pve.log().iter().all(|entry| entry.status == 200),
        "no request without a ticket:\n{}",
        pve.log_tail()
    );
    assert_eq!(
        pve.log().first().map(|entry| entry.template),
        Some(Template::Ticket)
    );
}

#[tokio::test]
async fn case_136_a_403_with_a_young_ticket_is_no_reason_to_log_in() {
    let pve = with_user().start().await.unwrap();
    let source = run(&log_in(&pve, USER.1));
    let machine = source.machine(100).await;
    pve.revoke(REGION, USER.0, "VM.GuestAgent.Audit");
    pve.revoke(REGION, USER.0, "VM.Monitor");
    assert_eq!(reason(&source.guest(&machine).await), GuestReason::Forbidden);
    assert_eq!(
        (pve.count(Template::Ticket), pve.count(Template::GuestInterfaces)),
        (1, 1)
    );
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_not_by_everybody() {
    let pve = with_user().start().await.unwrap();
    let source = run(&log_in(&pve, "wrong horse"));
    let why = why(source.machines(Freshness::Current).await);
    assert!(
        why.contains("authentication failure") && !why.contains("horse"),
        "{why}"
    );
    for _ in 0..5 {
        assert!(source.permissions(BootTime::ZERO).await.is_unknown());
        assert!(source.quorum(BootTime::ZERO).await.is_unknown());
    }
    assert_eq!(
        (pve.count(Template::Ticket), pve.requests_total()),
        (1, 1),
        "{}",
        pve.log_tail()
    );
}

#[tokio::test]
async fn a_second_factor_is_named() {
    let pve = with_user().start().await.unwrap();
    pve.update(|model| {
        model
            .region(REGION)
            .users
            .get_mut(USER.0)
            .expect("the user of this test")
            .tfa = true;
    });
    let source = run(&log_in(&pve, USER.1));
    let why = why(source.machines(Freshness::Current).await);
    assert!(
        why.contains("second factor") && why.contains("API token"),
        "{why}"
    );
}

#[tokio::test]
async fn a_log_in_that_fails_at_one_end_point_succeeds_at_the_next() {
    let pve = with_user().endpoints(2).start().await.unwrap();
    pve.fail(Fault::reset().on(Template::Ticket).endpoint(0));
    let source = run(&log_in(&pve, USER.1));
    eventually(SOON, "the region answers", || async {
        if source.health().up == Some(true) {
            Ok(())
        } else {
            Err(pve.log_tail())
        }
    })
    .await;
    let tickets = pve
        .log()
        .into_iter()
        .filter(|entry| entry.template == Template::Ticket)
        .count();
    assert_eq!(
        tickets,
        2,
        "a log-in is not repeated at the same end point:\n{}",
        pve.log_tail()
    );
}
