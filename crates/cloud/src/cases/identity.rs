//! Cases 50 to 83: which machine is a Node, and what it gets at initialisation.

use super::world::{World, assert_std, machine, u, without_host};
use crate::names;
use crate::plan::facts::{MachineKind, MachineStatus, SystemUuid};
use crate::plan::identity::Resolution;
use crate::plan::node::{Retry, Write};
use crate::plan::notice::Reason;
use crate::plan::upstream::Outcome;

const OURS: &str = "proxmox://cluster-1/100";

/// The Node is initialised as "std" with this new provider ID (`None`: it keeps its own), after so many configuration reads.
fn std(mut world: World, provider_id: Option<&str>, reads: usize) -> World {
    let look = world.look();
    assert_std(look.initialises(), provider_id);
    assert_eq!(look.reads, reads, "configurations read");
    world.carry_out(&look.decision.write);
    let again = world.look();
    assert_eq!((again.decision.write, again.reads), (Write::Nothing, 0));
    world
}

fn with_id(features: &str, provider_id: &str, annotation: Option<&str>) -> World {
    let mut world = World::new(features);
    world.node.provider_id = provider_id.into();
    world.node.provided_node_ip = annotation.map(Into::into);
    world
}

#[test]
fn case_50() {
    let world = std(with_id("{}", OURS, Some("10.0.0.5")), None, 1);
    assert_eq!(&*world.node.provider_id, OURS);
}

#[test]
fn case_51() {
    let world = std(with_id("{}", "proxmox:///100", None), None, 1);
    assert_eq!(&*world.node.provider_id, "proxmox:///100");
}

fn untouched(provider_id: &str, annotation: Option<&str>) -> Outcome {
    let look = with_id("{}", provider_id, annotation).look();
    assert_eq!(look.resolution, Resolution::Foreign);
    assert_eq!(
        (look.decision.write, look.decision.retry),
        (Write::Nothing, Retry::Pass)
    );
    assert_eq!((look.decision.notices, look.reads), (vec![], 0));
    look.comparison.upstream
}

#[test]
fn case_52() {
    assert!(matches!(untouched("proxmoxfoo://x/100", None), Outcome::Fails(_)));
}

#[test]
fn case_53() {
    let look = with_id("{}", "proxmox://cluster-9/100", Some("10.0.0.5")).look();
    look.waits(Reason::RegionUnknown);
    assert!(look.decision.notices[0].text.contains("\"cluster-9\""));
    assert!(matches!(look.comparison.upstream, Outcome::Fails(_)));
}

#[test]
fn case_54() {
    assert_eq!(untouched("k3s://n1", None), Outcome::UntaintsBlindly);
    let mut world = with_id("{foreign_nodes: untaint}", "k3s://n1", None);
    let look = world.look();
    assert_eq!(look.decision.write, Write::Untaint);
    assert_eq!(look.decision.on_success[0].reason, Reason::Synced);
    assert!(!look.comparison.differs(), "the switch restores it");
    world.carry_out(&look.decision.write);
    assert_eq!(world.look().decision.write, Write::Nothing);
}

#[test]
fn case_55() {
    assert!(matches!(
        untouched("k3s://n1", Some("10.0.0.5")),
        Outcome::Fails(_)
    ));
    let look = with_id("{foreign_nodes: untaint}", "k3s://n1", Some("10.0.0.5")).look();
    assert_eq!(look.decision.write, Write::Nothing);
}

#[test]
fn case_56() {
    let mut world = with_id("{}", OURS, None);
    world.remove_all();
    let look = world.look();
    look.waits(Reason::InstanceNotFound);
    assert_eq!(look.comparison.upstream, Outcome::UntaintsBlindly);
    assert_eq!(look.comparison.causes[0].id, "D8");
}

#[test]
fn case_57() {
    let mut world = with_id("{}", OURS, None);
    without_host(&mut world.machines[0]);
    let look = world.look();
    look.waits(Reason::HostInaccessible);
    assert_eq!(look.comparison.upstream, Outcome::UntaintsBlindly);
}

fn other_uuid(annotation: Option<&str>) -> Outcome {
    let mut world = with_id("{}", OURS, annotation);
    world.node.system_uuid = SystemUuid::new(&u(2));
    let look = world.look();
    look.waits(Reason::InstanceNotFound);
    assert!(
        look.decision.notices[0].text.contains(&u(1)),
        "{:?}",
        look.decision.notices
    );
    look.comparison.upstream
}

#[test]
fn case_58() {
    assert_eq!(other_uuid(None), Outcome::UntaintsBlindly);
}

#[test]
fn case_59() {
    assert!(matches!(other_uuid(Some("10.0.0.5")), Outcome::Fails(_)));
}

#[test]
fn case_60() {
    let mut world = World::new("{}");
    world.machines[0].name = Some("n1.example.com".into());
    std(world, Some(OURS), 1);
}

/// A Node whose machine has a name that does not fit: it waits, unless the UUID decides alone.
fn misnamed(node: &str) {
    for features in ["{}", "{match_name: exact}"] {
        let mut world = World::new(features);
        world.node.name = node.into();
        let look = world.look();
        look.waits(Reason::VmNameMismatch);
        let text = &look.decision.notices[0].text;
        assert!(
            text.contains(&format!("named n1, and the Node {node}")) && text.contains("match_name: off"),
            "{text}"
        );
        assert!(matches!(look.comparison.upstream, Outcome::Fails(_)));
        assert_eq!(
            (look.reads, world.look().reads),
            (1, 0),
            "no second read until something changes"
        );
    }
    let mut world = World::new("{match_name: off}");
    world.node.name = node.into();
    std(world, Some(OURS), 1);
}

#[test]
fn case_61() {
    misnamed("n1.example.com");
}

#[test]
fn case_62() {
    misnamed("host-a");
}

#[test]
fn case_63() {
    let mut world = World::new("{}");
    world.add("cluster-1", 90, "n10", 2);
    world.add("cluster-1", 91, "n11", 3);
    std(world, Some(OURS), 1);
}

#[test]
fn case_64() {
    let mut world = World::new("{}");
    world.add("cluster-1", 90, "n1-clone", 1);
    std(world, Some(OURS), 1);
}

/// A clone must not win because the better name could not be looked at: the provider ID stays for ever.
#[test]
fn case_64_waits_for_the_better_name() {
    let mut world = World::new("{}");
    world.add("cluster-1", 90, "n1-clone", 1);
    let hidden = world.smbios.remove(&world.machines[0].id);
    world.look().waits(Reason::RegionUnavailable);
    world
        .smbios
        .insert(world.machines[0].id.clone(), hidden.expect("n1 has one"));
    assert_std(world.look().initialises(), Some(OURS));
}

#[test]
fn case_65() {
    for kind in [MachineKind::Template, MachineKind::Lxc] {
        for provider_id in ["", OURS] {
            let mut world = with_id("{}", provider_id, None);
            world.machines[0].kind = kind;
            let look = world.look();
            look.waits(Reason::InstanceNotFound);
            assert_eq!(look.reads, 0, "nothing is read of what cannot be a Node");
        }
    }
}

#[test]
fn case_66() {
    let mut world = World::new("{}");
    world.node.name = "zz".into();
    world.node.system_uuid = SystemUuid::new(&u(9));
    without_host(world.add("cluster-1", 101, "n2", 2));
    let look = world.look();
    look.waits(Reason::HostInaccessible);
    assert_eq!(world.look().reads, 0, "and nothing is read again");
}

#[test]
fn case_67() {
    let mut world = World::new("{}");
    world.node.system_uuid = SystemUuid::new(&u(1).to_uppercase());
    std(world, Some(OURS), 1);
}

#[test]
fn case_68() {
    let mut world = World::new("{}");
    world.node.system_uuid = SystemUuid::new("");
    world
        .smbios
        .values_mut()
        .for_each(|text| *text = "base64=1".to_owned());
    world.look().waits(Reason::InstanceNotFound);
    world.node.system_uuid = SystemUuid::new(&u(1));
    world.look().waits(Reason::InstanceNotFound);
}

fn annotated(id: &str, label: &str) -> World {
    let mut world = World::new("{}");
    world.node.instance_id = Some(id.into());
    world.node.labels.insert(label.into(), "cluster-1".into());
    // A name that no search would begin with shows that the annotation was followed.
    world.add("cluster-1", 99, "n1", 9);
    world
}

#[test]
fn case_69() {
    let mut world = annotated("100", names::PROXMOX_REGION);
    let look = world.look();
    let change = look.initialises();
    assert_eq!((change.provider_id.as_deref(), look.reads), (Some(OURS), 1));
    // The label was there already, and is neither repeated nor replaced.
    assert!(!change.labels.contains_key(names::PROXMOX_REGION));
    assert_eq!(change.labels.get(names::ZONE), Some(&Some("pve-1".to_owned())));
}

#[test]
fn case_70() {
    let mut world = annotated("999", names::REGION);
    let look = world.look();
    let change = look.initialises();
    assert_eq!((change.provider_id.as_deref(), look.reads), (Some(OURS), 2));
}

#[test]
fn case_71() {
    let world = std(
        World::new("{provider: capmox}"),
        Some(&format!("proxmox://{}", u(1))),
        1,
    );
    assert_eq!(world.node.instance_id.as_deref(), Some("100"));
}

#[test]
fn case_72() {
    let preset = format!("proxmox://{}", u(1).to_uppercase());
    let world = std(with_id("{provider: capmox}", &preset, None), None, 1);
    assert_eq!(&*world.node.provider_id, preset);
    assert_eq!(world.node.instance_id.as_deref(), Some("100"));
}

/// The annotation is put right on an initialised Node, too.
#[test]
fn case_72_later() {
    let mut world = World::initialised("{provider: capmox}", &format!("proxmox://{}", u(1)), "H n1");
    world.node.instance_id = Some("7".into());
    let look = world.look();
    let Write::Update(change) = look.decision.write else {
        panic!("{:?}", look.decision)
    };
    assert_eq!(
        (change.instance_id.as_deref(), change.provider_id),
        (Some("100"), None)
    );
}

#[test]
fn case_73() {
    let preset = format!("proxmox://{}", u(1));
    let world = std(with_id("{}", &preset, None), None, 1);
    assert_eq!(
        (&*world.node.provider_id, world.node.instance_id),
        (preset.as_str(), None)
    );
}

#[test]
fn case_74() {
    let world = World::new("{provider: bogus}");
    assert!(
        world.config.warnings[0].contains("features.provider is \"bogus\""),
        "{:?}",
        world.config.warnings
    );
    std(world, Some(OURS), 1);
}

fn second_region() -> World {
    let mut world = World::with_regions("{}", &["cluster-1", "cluster-2"]);
    world.remove_all();
    world.add("cluster-2", 100, "n1", 1).host = "pve-7".into();
    world
}

fn from_second(world: &mut World) {
    let look = world.look();
    let change = look.initialises();
    assert_eq!(change.provider_id.as_deref(), Some("proxmox://cluster-2/100"));
    let label = |key: &str| change.labels.get(key).cloned().flatten();
    assert_eq!(label(names::REGION).as_deref(), Some("cluster-2"));
    assert_eq!(label(names::ZONE).as_deref(), Some("pve-7"));
}

#[test]
fn case_75() {
    from_second(&mut second_region());
}

#[test]
fn case_76() {
    let mut world = second_region();
    world
        .silent
        .insert("cluster-1".parse().unwrap(), "401 Authentication failed!");
    from_second(&mut world);
}

/// §10: while one region is silent, the others saying no proves nothing, and nobody is read in vain.
#[test]
fn case_76_the_other_way_round() {
    let mut world = second_region();
    world
        .silent
        .insert("cluster-2".parse().unwrap(), "596 Connection timed out");
    world.add("cluster-1", 100, "other", 9);
    let look = world.look();
    look.waits(Reason::RegionUnavailable);
    assert!(look.decision.notices[0].text.contains("cluster-2") && look.reads == 0);
}

/// Also checks the name there, `None` where the Node is never initialised for it.
fn both_types(smbios: &str, theirs: Option<&str>, ours: &str) {
    let (mut world, name) = instance_type(smbios);
    assert_eq!(name, ours);
    let comparison = world.look().comparison;
    match theirs {
        None => assert!(matches!(comparison.upstream, Outcome::Fails(_)), "{comparison:?}"),
        Some(theirs) if theirs == ours => assert!(!comparison.differs(), "{comparison:?}"),
        Some(theirs) => {
            let expected = format!("sets the instance type to {ours} instead of {theirs} (D11)");
            assert_eq!(comparison.besides, [expected]);
        }
    }
}

fn instance_type(smbios: &str) -> (World, String) {
    let mut world = World::new("{}");
    world
        .smbios
        .values_mut()
        .for_each(|text| *text = format!("uuid={},{smbios}", u(1)));
    let look = world.look();
    let label = |key: &str| {
        look.initialises()
            .labels
            .get(key)
            .cloned()
            .flatten()
            .expect("it is new")
    };
    assert_eq!(label(names::INSTANCE_TYPE), label(names::BETA_INSTANCE_TYPE));
    let name = label(names::INSTANCE_TYPE);
    (world, name)
}

#[test]
fn case_78() {
    both_types("sku=YzEubWVkaXVt", Some("c1.medium"), "c1.medium");
    both_types("base64=1,sku=YzEubWVkaXVt", Some("c1.medium"), "c1.medium");
}

#[test]
fn case_79() {
    both_types("sku=YzEubGFyZ2U=,base64=1", Some("4VCPU-8GB"), "c1.large");
}

#[test]
fn case_80() {
    both_types("sku=bTV4bGFyZ2U", Some("m5xlar"), "m5xlarge");
}

#[test]
fn case_81() {
    for flag in ["", ",base64=1"] {
        let smbios = format!("sku=LW1lZGl1bS4t{flag}");
        both_types(&smbios, None, "4VCPU-8GB");
        let (mut world, _) = instance_type(&smbios);
        let notices = world.look().decision.notices;
        assert_eq!(notices[0].reason, Reason::InvalidSku);
        assert!(notices[0].text.contains("\"-medium.-\""), "{notices:?}");
    }
}

#[test]
fn a_sku_in_clear_is_taken_as_it_stands() {
    assert_eq!(instance_type(" SKU = m5.large , x").1, "m5.large");
    assert_eq!(instance_type("sku=two words").1, "4VCPU-8GB");
}

#[test]
fn case_82() {
    for (cpus, memory, name) in [(1, 1_610_612_736, "1VCPU-1GB"), (1, 536_870_912, "1VCPU-0GB")] {
        let mut world = World::new("{}");
        world.machines[0].max_cpu = Some(cpus);
        world.machines[0].max_mem = Some(memory);
        let look = world.look();
        let labels = &look.initialises().labels;
        assert_eq!(
            labels.get(names::INSTANCE_TYPE).cloned().flatten().as_deref(),
            Some(name)
        );
    }
}

#[test]
fn case_83() {
    let mut world = World::new("{}");
    for key in [names::PROXMOX_ZONE, names::ZONE] {
        world.node.labels.insert(key.into(), "mine".into());
    }
    let look = world.look();
    let labels = &look.initialises().labels;
    assert_eq!(labels.get(names::PROXMOX_ZONE), None, "kept");
    assert_eq!(labels.get(names::ZONE), Some(&Some("pve-1".to_owned())));
    world.carry_out(&look.decision.write);
    let Write::Update(change) = world.look().decision.write else {
        panic!("the next pass changes it")
    };
    assert_eq!(
        change.labels.into_iter().collect::<Vec<_>>(),
        [(names::PROXMOX_ZONE.to_owned(), Some("pve-1".to_owned()))]
    );
}

/// D17: two machines with one UUID, of which neither has the better name.
#[test]
fn of_two_clones_the_running_one_is_taken_and_else_none() {
    let mut world = World::new("{}");
    world.machines[0].name = Some("n1-a".into());
    world.add("cluster-1", 101, "n1-b", 1);
    let look = world.look();
    look.waits(Reason::AmbiguousUuid);
    assert!(
        look.decision.notices[0]
            .text
            .contains("cluster-1/100, cluster-1/101")
    );
    assert_eq!(look.comparison.causes[0].id, "D17");
    world.machines[0].status = MachineStatus::Stopped;
    assert_eq!(
        world.look().initialises().provider_id.as_deref(),
        Some("proxmox://cluster-1/101")
    );
    world.machines[1].status = MachineStatus::Stopped;
    world.look().waits(Reason::AmbiguousUuid);
}

/// A configuration that cannot be read leaves the question open.
#[test]
fn an_unread_configuration_is_no_proof() {
    for provider_id in ["", OURS] {
        let mut world = with_id("{}", provider_id, None);
        world.smbios.clear();
        world.look().waits(Reason::RegionUnavailable);
    }
}

/// §6.1: pauses grow while nothing changes, and begin anew when something does.
#[test]
fn pauses_grow_until_the_node_changes() {
    let mut world = World::new("{}");
    world.remove_all();
    let pause = |world: &mut World| match world.look().decision.retry {
        Retry::After(pause) => pause.as_secs(),
        Retry::Pass => panic!("not looked at again"),
    };
    let pauses: Vec<u64> = (0..8).map(|_| pause(&mut world)).collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    world.node.provided_node_ip = Some("10.0.0.5".into());
    assert_eq!(pause(&mut world), 1);
    world.node.provider_id = OURS.into();
    assert_eq!(pause(&mut world), 1);
    assert_eq!(pause(&mut world), 2);
}

/// §17.5: one misnamed Node costs one read per machine once, then none.
#[test]
fn a_node_nobody_knows_reads_every_machine_once() {
    let mut world = World::new("{}");
    world.node.name = "zz".into();
    world.node.system_uuid = SystemUuid::new(&u(9));
    for vmid in 200..400 {
        let other = machine("cluster-1", vmid, &format!("vm{vmid}"));
        world.smbios.insert(other.id.clone(), format!("uuid={}", u(2)));
        world.machines.push(other);
    }
    assert_eq!((world.look().reads, world.look().reads), (201, 0));
}
