use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use super::frame::{Frame, Identifier, Mac, Neighbour, Vlan, parse};
use super::*;

const SWITCH: Mac = Mac([2, 0, 0, 0, 0, 9]);
const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn neighbour(port: &str, vlans: &[u16]) -> Neighbour {
    let identifier = |text: &str| Identifier {
        kind: 7,
        text: text.to_owned(),
    };
    Neighbour {
        chassis: identifier("sw1"),
        port: identifier(port),
        vlans: vlans
            .iter()
            .map(|&id| Vlan {
                id,
                name: String::new(),
            })
            .collect(),
        ..Neighbour::default()
    }
}

fn frame(port: &str, ttl: u16, vlans: &[u16]) -> Frame {
    Frame {
        source: SWITCH,
        ttl,
        neighbour: neighbour(port, vlans),
    }
}

/// A table that listens on `e1` and `e2` since `now`.
fn table(now: Instant) -> Table {
    let mut table = Table::default();
    assert!(table.cover(["e1", "e2"], BTreeSet::from([OWN]), now));
    table
}

#[test]
fn a_neighbour_lives_as_long_as_it_says_counted_from_its_last_frame() {
    let t0 = Instant::now();
    let mut table = table(t0);
    assert_eq!(table.heard("e1", frame("p1", 120, &[101]), t0), Heard::Changed);
    let later = t0 + seconds(30);
    assert_eq!(
        table.heard("e1", frame("p1", 120, &[101]), later),
        Heard::Refreshed
    );
    assert_eq!(table.next_expiry(), Some(t0 + seconds(150)));
    assert!(!table.expire(t0 + seconds(149)));
    assert_eq!(table.facts().neighbours("e1").len(), 1);
    assert!(table.expire(t0 + seconds(150)));
    assert!(table.facts().neighbours("e1").is_empty());
    assert_eq!(table.next_expiry(), None);
}

#[test]
fn a_neighbour_that_says_goodbye_goes_at_once() {
    let t0 = Instant::now();
    let mut table = table(t0);
    table.heard("e1", frame("p1", 120, &[101]), t0);
    table.heard("e1", frame("p2", 120, &[102]), t0);
    assert_eq!(
        table.heard("e1", frame("p1", 0, &[]), t0 + seconds(1)),
        Heard::Changed
    );
    assert_eq!(table.facts().neighbours("e1"), [neighbour("p2", &[102])]);
    assert_eq!(table.heard("e1", frame("p9", 0, &[]), t0), Heard::Unknown);
}

#[test]
fn frames_of_our_own_interfaces_and_of_others_do_not_count() {
    let t0 = Instant::now();
    let mut table = table(t0);
    let own = Frame {
        source: OWN,
        ..frame("p1", 120, &[101])
    };
    assert_eq!(table.heard("e1", own, t0), Heard::Own);
    assert_eq!(table.heard("e9", frame("p1", 120, &[101]), t0), Heard::Unknown);
    assert!(
        table
            .facts()
            .interfaces()
            .all(|(_, facts)| facts.neighbours.is_empty())
    );
}

#[test]
fn an_interface_that_goes_takes_its_neighbours_with_it() {
    let t0 = Instant::now();
    let mut table = table(t0);
    table.heard("e1", frame("p1", 120, &[101]), t0);
    assert!(!table.cover(["e2", "e1"], BTreeSet::from([OWN]), t0));
    assert!(table.cover(["e2"], BTreeSet::from([OWN]), t0));
    assert_eq!(table.facts().of("e1"), None);
    assert!(table.cover(["e1", "e2"], BTreeSet::from([OWN]), t0 + seconds(5)));
    let facts = table.facts();
    assert!(facts.neighbours("e1").is_empty());
    assert_eq!(facts.of("e1").unwrap().unchanged_since, t0 + seconds(5));
}

#[test]
fn a_flood_of_neighbours_is_cut_off_and_known_ones_stay() {
    let t0 = Instant::now();
    let mut table = table(t0);
    for number in 0..MOST_NEIGHBOURS {
        assert_eq!(
            table.heard("e1", frame(&number.to_string(), 120, &[]), t0),
            Heard::Changed
        );
    }
    assert_eq!(table.heard("e1", frame("one more", 120, &[]), t0), Heard::Full);
    assert_eq!(table.heard("e1", frame("0", 120, &[5]), t0), Heard::Changed);
    assert_eq!(table.facts().neighbours("e1").len(), MOST_NEIGHBOURS);
}

/// The receiver's half: announcements begin 60 s after listening did; they are settled 35 s after their last change, and
/// repetitions do not begin that time anew.
#[test]
fn case_101_facts_settle_35_s_after_their_last_change() {
    let t0 = Instant::now();
    let mut table = table(t0);
    assert!(!table.facts().settled("e1", SETTLE, t0));
    assert!(
        table.facts().settled("e1", SETTLE, t0 + seconds(35)),
        "silence settles, too"
    );

    let heard = t0 + seconds(60);
    table.heard("e1", frame("p1", 120, &[101]), heard);
    for repetition in [5, 30] {
        table.heard("e1", frame("p1", 120, &[101]), heard + seconds(repetition));
        assert!(!table.facts().settled("e1", SETTLE, heard + seconds(repetition)));
    }
    let facts = table.facts();
    assert_eq!(facts.next_settled(SETTLE, heard), Some(heard + SETTLE));
    assert!(!facts.settled("e1", SETTLE, heard + seconds(34)));
    assert!(facts.settled("e1", SETTLE, heard + seconds(35)));
    assert_eq!(facts.next_settled(SETTLE, heard + SETTLE), None);
    assert!(facts.settled("nobody listens here", SETTLE, t0));

    table.heard("e1", frame("p1", 120, &[101, 102]), heard + seconds(40));
    assert!(!table.facts().settled("e1", SETTLE, heard + seconds(41)));
    assert!(
        table.facts().settled("e2", SETTLE, heard + seconds(41)),
        "e2 heard nothing new"
    );
}

/// The receiver's half: neighbours are known until their time is up although the interface has lost its carrier, and
/// then they are not, which is the change others remember e1 through.
#[test]
fn case_102_a_pulled_cable_ages_its_neighbours_out() {
    let t0 = Instant::now();
    let mut table = table(t0);
    table.heard("e1", frame("p1", 120, &[101]), t0);
    table.cover(["e1", "e2"], BTreeSet::from([OWN]), t0 + seconds(10));
    assert!(!table.expire(t0 + seconds(119)));
    assert_eq!(table.facts().neighbours("e1").len(), 1);
    assert!(table.expire(t0 + seconds(120)));
    let facts = table.facts();
    assert!(facts.neighbours("e1").is_empty());
    assert_eq!(facts.of("e1").unwrap().unchanged_since, t0 + seconds(120));
}

#[test]
fn neighbours_are_written_into_the_state_and_the_profile_keeps_its_word() {
    let t0 = Instant::now();
    let mut table = table(t0);
    table.heard("e1", frame("p1", 120, &[101]), t0);
    table.heard("e2", frame("p2", 120, &[]), t0);
    let old = json!([[{"type": 5, "system-name": "from the back end"}]]);
    let mut state = json!({"interfaces": [
        {"name": "e1", "type": "ethernet"},
        {"name": "e2", "lldp": {"enabled": true, "neighbors": old}},
        {"name": "e3", "lldp": {"enabled": true, "neighbors": old}},
        "nonsense",
    ]});
    table.facts().write_into(&mut state);
    let expected = json!({"interfaces": [
        {"name": "e1", "type": "ethernet",
         "lldp": {"enabled": false, "neighbors": [neighbour("p1", &[101]).to_json()]}},
        {"name": "e2", "lldp": {"enabled": true, "neighbors": [neighbour("p2", &[]).to_json()]}},
        {"name": "e3", "lldp": {"enabled": true, "neighbors": old}},
        "nonsense",
    ]});
    assert_eq!(state, expected);
    let mut nothing = json!({"interfaces": null});
    table.facts().write_into(&mut nothing);
    assert_eq!(nothing, json!({"interfaces": null}));
}

#[test]
fn cabled_interfaces_are_ethernet_and_not_left_alone() {
    let state = json!({"interfaces": [
        {"name": "eth0", "type": "ethernet", "state": "up"},
        {"name": "eth1", "type": "ethernet", "state": "down"},
        {"name": "eth2", "type": "ethernet", "state": "ignore"},
        {"name": "v0", "type": "veth", "state": "up"},
        {"name": "cali1", "type": "veth", "state": "ignore"},
        {"name": "br0", "type": "linux-bridge", "state": "up"},
        {"name": "lo", "type": "loopback", "state": "up"},
    ]});
    let names: Vec<String> = cabled(&state).into_iter().collect();
    assert_eq!(names, ["eth0", "eth1", "v0"]);
}

#[test]
fn our_announcement_is_a_frame_that_says_node_and_interface() {
    let announcement = Announcement {
        node: "worker-1".to_owned(),
    };
    let bytes = announcement.frame(OWN, "eth1", ANNOUNCEMENT_TTL);
    let frame = parse(&bytes).unwrap();
    assert_eq!((frame.source, frame.ttl), (OWN, 121));
    assert_eq!(frame.neighbour.system_name.as_deref(), Some("worker-1"));
    assert_eq!(frame.neighbour.port.text, "eth1");
    assert_eq!(frame.neighbour.to_json()[2]["_description"], "Interface name");
    assert!(bytes.len() >= 60, "Ethernet has no shorter frames");

    let goodbye = parse(&announcement.frame(OWN, "eth1", 0)).unwrap();
    assert_eq!(goodbye.ttl, 0);
    assert_eq!(goodbye.neighbour.key(), frame.neighbour.key());
}

#[test]
fn a_long_name_of_a_node_is_cut_between_characters() {
    let node = "ä".repeat(200);
    let frame = parse(&Announcement { node }.frame(OWN, "eth1", 120)).unwrap();
    assert_eq!(frame.neighbour.system_name, Some("ä".repeat(127)));
}
