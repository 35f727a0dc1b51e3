use tokio::time::advance;

use super::*;

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        reason: "authentication failure".into(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn good() -> Result<Reply, Failure> {
    Ok(reply(
        200,
        r#"{"data":{"ticket":"PVE:u@pve:1","CSRFPreventionToken":"x:y","username":"u@pve"}}"#,
    ))
}

fn bad() -> Result<Reply, Failure> {
    Ok(reply(
        401,
        r#"{"data":null,"message":"authentication failure\n"}"#,
    ))
}

async fn log_in(tickets: &Tickets, outcome: Result<Reply, Failure>) -> Result<Credential, Failure> {
    match tickets.turn().await? {
        Turn::Use(_) => panic!("a log-in was expected"),
        Turn::LogIn(log_in) => log_in.learn(outcome),
    }
}

async fn uses(tickets: &Tickets) -> u64 {
    match tickets.turn().await.unwrap() {
        Turn::Use(credential) => credential.serial,
        Turn::LogIn(_) => panic!("no log-in was expected"),
    }
}

fn tickets() -> Tickets {
    Tickets::new("u@pve", &Secret::new("hunter2"))
}

#[tokio::test(start_paused = true)]
async fn case_135_case_137_log_in_first_and_again_at_half_life() {
    let tickets = tickets();
    let Turn::LogIn(first) = tickets.turn().await.unwrap() else {
        panic!("a log-in was expected")
    };
    let sent: serde_json::Value = serde_json::from_slice(&first.body()).unwrap();
    assert_eq!(
        sent,
        serde_json::json!({"password": "hunter2", "username": "u@pve"})
    );
    assert_eq!(first.learn(good()).unwrap().serial, 1);
    advance(HALF_LIFE - Duration::from_secs(1)).await;
    assert_eq!(uses(&tickets).await, 1);
    advance(Duration::from_secs(1)).await;
    assert_eq!(log_in(&tickets, good()).await.unwrap().serial, 2);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_leaves_the_old_ticket_until_its_end() {
    let tickets = tickets();
    log_in(&tickets, good()).await.unwrap();
    advance(HALF_LIFE).await;
    assert_eq!(log_in(&tickets, bad()).await.unwrap().serial, 1);
    assert_eq!(uses(&tickets).await, 1, "no second try at once");
    advance(HALF_LIFE).await;
    assert_eq!(
        log_in(&tickets, bad()).await.unwrap_err().kind,
        Kind::Unauthorized
    );
    assert_eq!(
        tickets.turn().await.err().map(|f| f.kind),
        Some(Kind::Unauthorized),
        "its time is over"
    );
}

#[tokio::test(start_paused = true)]
async fn case_136_a_403_with_a_young_ticket_is_no_reason_to_log_in() {
    let tickets = tickets();
    let ticket = log_in(&tickets, good()).await.unwrap();
    advance(Duration::from_secs(300)).await;
    assert!(
        tickets
            .after_refusal(&ticket, Kind::Forbidden)
            .await
            .unwrap()
            .is_none()
    );
    let again = tickets.after_refusal(&ticket, Kind::Unauthorized).await.unwrap();
    assert!(
        matches!(again, Some(Turn::LogIn(_))),
        "new keys of the cluster make young tickets void"
    );
    drop(again);
    advance(HALF_LIFE).await;
    assert!(matches!(
        tickets.after_refusal(&ticket, Kind::Forbidden).await,
        Ok(Some(Turn::LogIn(_)))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_failed_log_in_is_remembered_for_a_while() {
    let tickets = tickets();
    let failure = log_in(&tickets, bad()).await.unwrap_err();
    assert!(failure.text.contains("authentication failure") && !failure.text.contains("hunter2"));
    assert_eq!(tickets.turn().await.err(), Some(failure));
    advance(PAUSE).await;
    log_in(&tickets, good()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_second_factor_is_an_error_that_names_the_way_out() {
    let body = r#"{"data":{"ticket":"PVE:!tfa!xyz","NeedTFA":1,"CSRFPreventionToken":"x"}}"#;
    let failure = log_in(&tickets(), Ok(reply(200, body))).await.unwrap_err();
    assert!(failure.text.contains("API token"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_shows_nothing_of_what_may_be_a_ticket() {
    for body in [
        r#"{"data":"PVE:u@pve:69203A11::k9=="}"#,
        "PVE:u@pve:69203A11::k9==",
        r#"["PVE:u@pve:69203A11::k9=="]"#,
    ] {
        let failure = log_in(&tickets(), Ok(reply(200, body))).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Malformed, "{body}");
        assert!(!failure.text.contains("PVE:"), "{failure}");
    }
}
