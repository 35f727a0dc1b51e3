//! The receiver on real cables: veth pairs between namespaces, frames from raw sockets at the far end (spec §20).
//!
//! The numbered cases are those of the receiver: what an interface hears. What rules make of it is decided, and
//! tested, in `nodenet`.

mod checks;
mod fuzzed;
mod ground;

use std::time::{Duration, Instant};

use handler::lldp::{Announcement as Own, SETTLE, frame};
use testkit::cable::Announcement;

use ground::{Ground, SWITCH, inside, vlans};

/// Port `port` of the switch announces these VLANs.
fn announces(port: &str, ids: &[u16]) -> Announcement {
    let begin = Announcement::new(SWITCH, port).system_name("sw1");
    ids.iter().fold(begin, |announcement, &id| {
        announcement.vlan(id, &format!("net{id}"))
    })
}

#[test]
fn case_99_each_interface_hears_what_its_own_port_announces() {
    let ground = Ground::new(&["e1", "e2"]);
    inside(&ground.node, async || {
        let mut handler = ground.listen(&["e1", "e2"], None).await;
        ground.say("e1", &announces("p1", &[101, 102]));
        ground.say("e2", &announces("p2", &[103]));
        handler
            .until("e1 hears 101 and 102", |facts| vlans(facts, "e1") == [101, 102])
            .await;
        handler
            .until("e2 hears 103", |facts| vlans(facts, "e2") == [103])
            .await;
        let facts = handler.known();
        let neighbour = &facts.neighbours("e1")[0];
        assert_eq!(neighbour.system_name.as_deref(), Some("sw1"));
        assert_eq!(neighbour.chassis.text, "02:00:00:00:00:99");
        assert_eq!(neighbour.port.text, "p1");
        handler.stop().await;
    });
}

#[test]
fn case_100_a_port_vlan_without_a_name_is_heard() {
    let ground = Ground::new(&["e1"]);
    inside(&ground.node, async || {
        let mut handler = ground.listen(&["e1"], None).await;
        ground.say("e1", &Announcement::new(SWITCH, "p1").pvid(101));
        let facts = handler
            .until("e1 hears its port VLAN", |facts| {
                !facts.neighbours("e1").is_empty()
            })
            .await;
        assert_eq!(facts.neighbours("e1")[0].pvid, Some(101));
        let mut state = serde_json::json!({"interfaces": [{"name": "e1"}]});
        facts.write_into(&mut state);
        let tlvs = state["interfaces"][0]["lldp"]["neighbors"][0].as_array().unwrap();
        let pvid = serde_json::json!({"type": 127, "oui": "00:80:c2", "subtype": 1, "ieee-802-1-pvid": 101});
        assert!(tlvs.contains(&pvid), "{tlvs:?}");
        handler.stop().await;
    });
}

#[test]
fn case_101_facts_settle_35_s_after_the_announcement_came_however_late_it_came() {
    let ground = Ground::new(&["e1"]);
    inside(&ground.node, async || {
        let mut handler = ground.listen(&["e1"], None).await;
        let silent_since = handler.known().of("e1").unwrap().unchanged_since;
        let sent = Instant::now();
        ground.say("e1", &announces("p1", &[101]));
        let facts = handler
            .until("e1 hears 101", |facts| vlans(facts, "e1") == [101])
            .await;
        let heard = facts.of("e1").unwrap().unchanged_since;
        assert!(heard > silent_since && heard >= sent && heard <= Instant::now());
        assert!(!facts.settled("e1", SETTLE, heard + SETTLE - Duration::from_secs(1)));
        assert!(facts.settled("e1", SETTLE, heard + SETTLE));

        // The same again, then something else: repetitions tell nobody anything and do not begin the time anew.
        ground.say("e1", &announces("p1", &[101]));
        ground.say("e1", &announces("p2", &[102]));
        let facts = handler
            .until("e1 hears 102, too", |facts| vlans(facts, "e1") == [101, 102])
            .await;
        assert!(facts.of("e1").unwrap().unchanged_since > heard);
        assert_eq!(handler.changes(), 2, "the repetition was no change");
        handler.stop().await;
    });
}

#[test]
fn case_102_a_pulled_cable_is_forgotten_when_its_time_is_up() {
    let ground = Ground::new(&["e1"]);
    inside(&ground.node, async || {
        let mut handler = ground.listen(&["e1"], None).await;
        ground.say("e1", &announces("p1", &[101]).ttl(5));
        handler
            .until("e1 hears 101", |facts| vlans(facts, "e1") == [101])
            .await;
        let heard = Instant::now();
        ground.pull("e1");
        handler.look_when("e1", false).await;
        assert!(!handler.links().listen[0].carrier);
        assert_eq!(vlans(&handler.known(), "e1"), [101], "until its time is up");
        handler
            .until("e1 hears nobody", |facts| facts.neighbours("e1").is_empty())
            .await;
        assert!(heard.elapsed() > Duration::from_secs(4));

        ground.plug("e1");
        handler.look_when("e1", true).await;
        ground
            .say_until(&mut handler, "e1", &announces("p1", &[101]), |facts| {
                vlans(facts, "e1") == [101]
            })
            .await;
        handler.stop().await;
    });
}

#[test]
fn case_105_two_interfaces_on_one_vlan_and_a_third_on_another_are_told_apart() {
    let ground = Ground::new(&["e1", "e2", "e3"]);
    inside(&ground.node, async || {
        let mut handler = ground.listen(&["e1", "e2", "e3"], None).await;
        ground.say("e1", &announces("p1", &[101]));
        ground.say("e2", &announces("p2", &[101]));
        ground.say("e3", &announces("p3", &[102]));
        handler
            .until("all three hear their VLAN", |facts| {
                vlans(facts, "e1") == [101] && vlans(facts, "e2") == [101] && vlans(facts, "e3") == [102]
            })
            .await;
        handler.stop().await;
    });
}

#[test]
fn case_106_a_port_on_two_vlans_shares_one_with_another() {
    let ground = Ground::new(&["e1", "e2"]);
    inside(&ground.node, async || {
        let mut handler = ground.listen(&["e1", "e2"], None).await;
        ground.say("e1", &announces("p1", &[101, 102]));
        ground.say("e2", &announces("p2", &[102]));
        handler
            .until("both hear theirs", |facts| {
                vlans(facts, "e1") == [101, 102] && vlans(facts, "e2") == [102]
            })
            .await;
        handler.stop().await;
    });
}

#[test]
fn all_three_groups_are_heard_and_nothing_else() {
    let ground = Ground::new(&["e1"]);
    inside(&ground.node, async || {
        let mut handler = ground.listen(&["e1"], None).await;
        let of_another_group = announces("unheard", &[7]).group(0x0d);
        let mut of_another_protocol = announces("unheard", &[8]).frame();
        of_another_protocol[12..14].copy_from_slice(&[0x88, 0xb5]);
        let mut cut_off = announces("unheard", &[9]).frame();
        cut_off.truncate(40);
        ground.say("e1", &of_another_group);
        ground.send("e1", &of_another_protocol);
        ground.send("e1", &cut_off);
        for (port, last) in [("p1", 0x00), ("p2", 0x03), ("p3", 0x0e)] {
            ground.say("e1", &announces(port, &[]).group(last));
        }
        let facts = handler
            .until("three ports are heard", |facts| facts.neighbours("e1").len() >= 3)
            .await;
        let ports: Vec<&str> = facts
            .neighbours("e1")
            .iter()
            .map(|neighbour| neighbour.port.text.as_str())
            .collect();
        assert_eq!(ports, ["p1", "p2", "p3"]);
        handler.stop().await;
    });
}

#[test]
fn frames_with_an_address_of_our_own_are_not_neighbours() {
    let ground = Ground::new(&["e1", "e2"]);
    inside(&ground.node, async || {
        let mut handler = ground.listen(&["e1", "e2"], None).await;
        let own = handler
            .links()
            .own
            .iter()
            .next_back()
            .copied()
            .expect("veths have addresses");
        ground.say("e1", &announces("loop", &[7]).source(own.0));
        ground.say("e1", &announces("p1", &[101]));
        let facts = handler
            .until("e1 hears the switch", |facts| !facts.neighbours("e1").is_empty())
            .await;
        assert_eq!(vlans(&facts, "e1"), [101]);
        handler.stop().await;
    });
}

#[test]
fn a_neighbour_that_says_goodbye_is_gone_at_once() {
    let ground = Ground::new(&["e1"]);
    inside(&ground.node, async || {
        let mut handler = ground.listen(&["e1"], None).await;
        ground.say("e1", &announces("p1", &[101]));
        handler
            .until("e1 hears 101", |facts| vlans(facts, "e1") == [101])
            .await;
        ground.say("e1", &announces("p1", &[]).ttl(0));
        handler
            .until("e1 hears nobody", |facts| facts.neighbours("e1").is_empty())
            .await;
        handler.stop().await;
    });
}

#[test]
fn interfaces_come_and_go_and_come_back_under_the_same_name() {
    let mut ground = Ground::new(&["e1"]);
    let node = ground.node();
    inside(&node, async || {
        let mut handler = ground.listen(&["e1", "e2"], None).await;
        assert_eq!(handler.links().listen.len(), 1, "e2 is not there yet");

        ground.cable("e2");
        handler.look(&["e1", "e2"]).await;
        ground
            .say_until(&mut handler, "e2", &announces("p2", &[103]), |facts| {
                vlans(facts, "e2") == [103]
            })
            .await;

        ground.cut("e2");
        handler.look(&["e1", "e2"]).await;
        handler
            .until("e2 is forgotten", |facts| facts.of("e2").is_none())
            .await;

        ground.cable("e2");
        handler.look(&["e1", "e2"]).await;
        ground
            .say_until(&mut handler, "e2", &announces("p2", &[104]), |facts| {
                vlans(facts, "e2") == [104]
            })
            .await;
        handler.stop().await;
    });
}

#[test]
fn an_interface_that_was_down_for_a_moment_is_listened_on_again() {
    let ground = Ground::new(&["e1"]);
    inside(&ground.node, async || {
        let mut handler = ground.listen(&["e1"], None).await;
        // Nobody tells the receiver: its socket fails, and it opens another one by itself.
        ground.node.ip(&["link", "set", "e1", "down"]).unwrap();
        ground.node.ip(&["link", "set", "e1", "up"]).unwrap();
        ground
            .say_until(&mut handler, "e1", &announces("p1", &[101]), |facts| {
                vlans(facts, "e1") == [101]
            })
            .await;
        handler.stop().await;
    });
}

#[test]
fn what_we_announce_ourselves_reaches_the_switch_and_ends_with_a_goodbye() {
    let ground = Ground::new(&["e1"]);
    inside(&ground.node, async || {
        let own = Own {
            node: "worker-1".to_owned(),
        };
        let handler = ground.listen(&["e1"], Some(own)).await;
        let first = frame::parse(&ground.receive("e1").await).unwrap();
        assert_eq!(first.neighbour.system_name.as_deref(), Some("worker-1"));
        assert_eq!(first.neighbour.port.text, "e1");
        assert_eq!(first.ttl, 121);
        assert!(handler.links().own.contains(&first.source));
        handler.stop().await;
        let last = frame::parse(&ground.receive("e1").await).unwrap();
        assert_eq!((last.ttl, last.neighbour.key()), (0, first.neighbour.key()));
    });
}
