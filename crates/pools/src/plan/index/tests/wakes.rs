//! Whom an event wakes, and what a person hears of it.

use serde_json::json;

use super::{World, one_address};
use crate::plan::{
    index::{Notice, Wake},
    name::ObjectName,
    orphan::{Suspicion, suspect},
};

fn object(name: &str) -> ObjectName {
    ObjectName::new("ns", name)
}

/// Shows an address that answers a claim; both are named.
fn see(world: &mut World, address: &str, claim: &str) -> Wake {
    let facts = world.address_of(address, claim);
    world
        .change(|index, now, wake| index.apply_address(facts, now, wake))
        .1
}

fn duplicate(world: &World, address: &str) -> Notice {
    Notice::Duplicate {
        pool: world.pool.clone(),
        address: object(address),
    }
}

#[test]
fn an_address_that_repeats_another_is_noticed_once() {
    let mut world = World::new(&one_address());
    assert_eq!(see(&mut world, "x", "x").notices, []);
    assert_eq!(see(&mut world, "y", "y").notices, [duplicate(&world, "y")]);
    assert_eq!(see(&mut world, "y", "y").notices, [], "it is known");
    let mut wider = one_address();
    wider["addresses"] = json!(["10.0.0.5-10.0.0.9"]);
    assert_eq!(
        world.see_pool(&wider, &json!({})).notices,
        [],
        "a change of the pool is no news of it"
    );
}

/// As after `clusterctl move`, or once a pool that could not be used is put right.
#[test]
fn addresses_that_were_there_before_the_pool_are_noticed_with_it() {
    let mut unusable = one_address();
    unusable["addresses"] = json!(["nonsense"]);
    for before in [None, Some(unusable)] {
        let mut world = World::new(&one_address());
        let pool = world.pool.clone();
        match before {
            Some(spec) => world.see_pool(&spec, &json!({})),
            None => world.change(|index, _, wake| index.delete_pool(&pool, wake)).1,
        };
        for name in ["z", "x", "y"] {
            assert_eq!(see(&mut world, name, name).notices, [], "nobody keeps books");
        }
        let notices = world.see_pool(&one_address(), &json!({})).notices;
        assert_eq!(notices, [duplicate(&world, "y"), duplicate(&world, "z")]);
    }
}

/// An address need not bear the name of the claim it answers.
#[test]
fn the_end_of_a_claim_wakes_the_addresses_that_answer_it_under_other_names() {
    let mut world = World::new(&one_address());
    see(&mut world, "x", "a");
    see(&mut world, "y", "a");
    see(&mut world, "other", "other");
    let claim = world.claim.clone();
    let wake = world
        .change(|index, now, wake| index.delete_claim(&claim, now, wake))
        .1;
    let mut woken = wake.orphans;
    woken.sort();
    assert_eq!(woken, [object("x"), object("y")]);
}

#[test]
fn a_claim_that_comes_again_clears_them_of_suspicion() {
    let mut world = World::new(&one_address());
    see(&mut world, "x", "a");
    world.see_claim_go();
    let wake = world.see_claim("two", &json!({}));
    assert_eq!(wake.orphans, [object("x")]);
}

/// Spec §11.3 step 9: a claim is bound to the address of its name, whichever claim that was made for.
#[test]
fn an_address_that_serves_the_claim_of_its_name_is_no_orphan() {
    let mut world = World::new(&one_address());
    see(&mut world, "a", "gone");
    let judge = |world: &World| suspect(&world.index, world.index.address(&object("a")).expect("seen"));
    assert_eq!(judge(&world), Suspicion::None);
    world.see_claim_go();
    assert!(matches!(judge(&world), Suspicion::Orphan { .. }));
}

#[test]
fn an_address_that_went_or_answers_another_claim_is_not_woken() {
    let mut world = World::new(&one_address());
    see(&mut world, "x", "a");
    see(&mut world, "x", "b");
    see(&mut world, "y", "a");
    world.change(|index, now, wake| index.delete_address(&object("y"), now, wake));
    let claim = world.claim.clone();
    let wake = world
        .change(|index, now, wake| index.delete_claim(&claim, now, wake))
        .1;
    assert_eq!(wake.orphans, []);
}
