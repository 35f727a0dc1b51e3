//! Five thousand guests and as many requests.

use std::time::{Duration, Instant};

use testkit::proxmox::{Guest, Limits, Template, Vm};
use tokio::task::JoinSet;

use crate::client::{Client, fsn};

const VMS: u32 = 5_000;

/// Eight connections at once, as a client may have.
const CONNECTIONS: u32 = 8;

#[tokio::test]
async fn five_thousand_guests_are_served_without_effort() {
    let vms = (0..VMS).map(|number| {
        let guest = Guest::eth0(&["10.0.0.5/24"]);
        Vm::new(1000 + number, &format!("n{number}"))
            .host(&format!("pve-{}", number % 10))
            .guest(guest)
    });
    let limits = Limits {
        requests_per_connection: u32::MAX,
        ..Limits::quick()
    };
    let pve = fsn().limits(limits).vms(vms).start().await.expect("a cluster");
    let client = Client::new(&pve, "fsn");
    let list = client.get("/cluster/resources?type=vm").await;
    assert_eq!(list.data().as_array().map(Vec::len), Some(5_000));

    let begin = Instant::now();
    let mut workers = JoinSet::new();
    for worker in 0..CONNECTIONS {
        let client = client.clone();
        workers.spawn(async move {
            let mut connection = client.connect().await.expect("a connection");
            for number in (worker..VMS).step_by(8) {
                let path = format!("/nodes/pve-{}/qemu/{}/config", number % 10, 1000 + number);
                let answer = connection.get(&path).await.expect("an answer");
                assert_eq!(answer.status, 200, "{answer:?}");
            }
        });
    }
    while let Some(done) = workers.join_next().await {
        done.expect("all configurations");
    }
    let took = begin.elapsed();
    assert_eq!(pve.counts()[&(Template::Config, 200)], 5_000);
    // Without optimisation, client and server on the same cores, and other tests beside: an order of magnitude of slack.
    assert!(took < Duration::from_secs(25), "5,000 configurations in {took:?}");
    eprintln!("5,000 configurations in {took:?}");

    let begin = Instant::now();
    let mut connection = client.connect().await.expect("a connection");
    for _ in 0..20 {
        connection
            .get("/cluster/resources?type=vm")
            .await
            .expect("the list");
    }
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(10), "20 lists in {took:?}");
    eprintln!("20 lists of {} bytes in {took:?}", list.body.len());
}
