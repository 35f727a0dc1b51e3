//! Name servers, and servers behind TCP.

use std::net::{IpAddr, TcpListener};
use std::time::{Duration, Instant};

use handler::probe::{Passed, Probe};
use testkit::cable::{Manner, NameServer};

use crate::ground::{Ground, PREFLIGHT, asking};

const FIRST: &str = "192.0.2.1";
const SECOND: &str = "2001:db8::1";

/// Numbers of the kinds of records (RFC 1035, RFC 3596).
const A: u16 = 1;
const NS: u16 = 2;
const AAAA: u16 = 28;

fn dns(host: &str) -> Probe {
    Probe::Dns {
        host: host.to_owned(),
    }
}

fn serve(ground: &Ground, address: &str, manner: Manner) -> NameServer {
    let address: IpAddr = address.parse().expect("an address");
    NameServer::start(ground.router.namespace(), address, manner).expect("a name server")
}

#[test]
fn the_root_servers_are_asked_for_by_their_ns_records() {
    let ground = Ground::with_router();
    let server = serve(&ground, FIRST, Manner::Knowing);
    let outcomes = ground.run(&[dns("root-servers.net")], asking(&[FIRST]), PREFLIGHT);
    assert!(outcomes[0].passed(), "{}", outcomes[0]);
    assert_eq!(server.questions(), [("root-servers.net".to_owned(), NS)]);
}

#[test]
fn case_81_any_other_host_is_asked_for_by_its_addresses() {
    let ground = Ground::with_router();
    let server = serve(&ground, FIRST, Manner::Knowing);
    let outcomes = ground.run(&[dns("probe.example.com")], asking(&[FIRST]), PREFLIGHT);
    assert!(outcomes[0].passed(), "{}", outcomes[0]);
    let mut questions = server.questions();
    questions.sort_unstable();
    let name = "probe.example.com".to_owned();
    assert_eq!(questions, [(name.clone(), A), (name, AAAA)]);
}

#[test]
fn the_first_server_that_answers_is_enough() {
    let ground = Ground::with_router();
    let _silent = serve(&ground, FIRST, Manner::Silent);
    let _good = serve(&ground, SECOND, Manner::Knowing);
    let outcomes = ground.run(&[dns("root-servers.net")], asking(&[FIRST, SECOND]), PREFLIGHT);
    assert!(
        matches!(&outcomes[0].result, Ok(Passed::Dns { server }) if server.to_string() == SECOND),
        "{}",
        outcomes[0]
    );
}

#[test]
fn a_link_local_server_is_reached_over_its_interface() {
    let ground = Ground::with_router();
    let _server = NameServer::start(
        ground.router.namespace(),
        "::".parse().expect("an address"),
        Manner::Knowing,
    )
    .expect("a name server");
    let outcomes = ground.run(&[dns("root-servers.net")], asking(&["fe80::1%eth0"]), PREFLIGHT);
    assert!(outcomes[0].passed(), "{}", outcomes[0]);
}

#[test]
fn every_server_that_fails_is_named_with_its_reason_on_one_line() {
    let ground = Ground::with_router();
    let _denying = serve(&ground, FIRST, Manner::Denying);
    // Nobody listens at the second one.
    let begun = Instant::now();
    let budget = Duration::from_secs(2);
    let outcomes = ground.run(&[dns("root-servers.net")], asking(&[FIRST, SECOND]), budget);
    assert!(begun.elapsed() < budget + Duration::from_secs(1));
    let why = outcomes[0].to_string();
    assert!(
        why.starts_with("probe dns of name servers about root-servers.net failed"),
        "{why}"
    );
    assert!(
        why.contains("192.0.2.1: there is no such name (NXDOMAIN)"),
        "{why}"
    );
    assert!(
        why.contains("2001:db8::1: Connection refused") && !why.contains('\n'),
        "{why}"
    );
}

#[test]
fn an_answer_to_another_question_is_none() {
    let ground = Ground::with_router();
    let _confused = serve(&ground, FIRST, Manner::Confused);
    let outcomes = ground.run(
        &[dns("root-servers.net")],
        asking(&[FIRST]),
        Duration::from_secs(3),
    );
    let why = outcomes[0].to_string();
    assert!(why.contains("192.0.2.1: no answer within 2 s"), "{why}");
}

#[test]
fn probes_run_at_the_same_time() {
    let ground = Ground::with_router();
    let _silent = serve(&ground, FIRST, Manner::Silent);
    let dead = Probe::Tcp("192.0.2.99:22".parse().expect("an address"));
    let probes = [dns("root-servers.net"), dns("example.com"), dead];
    let begun = Instant::now();
    let budget = Duration::from_secs(3);
    let outcomes = ground.run(&probes, asking(&[FIRST]), budget);
    assert!(outcomes.iter().all(|outcome| !outcome.passed()));
    let took = begun.elapsed();
    assert!(
        took >= budget && took < budget + Duration::from_secs(1),
        "{took:?}"
    );
}

#[test]
fn a_tcp_server_passes_while_it_listens() {
    let ground = Ground::with_router();
    let listen = || TcpListener::bind("192.0.2.1:0");
    let inside = ground.router.namespace().run(listen);
    let listener = inside.expect("the namespace can be entered").expect("a listener");
    let address = listener.local_addr().expect("an address");
    let outcomes = ground.run(&[Probe::Tcp(address)], asking(&[]), PREFLIGHT);
    assert_eq!(outcomes[0].result, Ok(Passed::Tcp(address)));
    drop(listener);
    let outcomes = ground.run(&[Probe::Tcp(address)], asking(&[]), Duration::from_secs(1));
    let why = outcomes[0].to_string();
    assert!(
        why.starts_with(&format!("probe tcp of {address} failed for 1 s")),
        "{why}"
    );
    assert!(why.contains("Connection refused"), "{why}");
}
