//! Explanations, and that they point at the rule the plan's answer really comes from.

use api::{names, pool::PoolKind};
use serde_json::{Value, json};

use super::{rules::decider, *};
use crate::plan::{
    claim::{ClusterView, Next, PoolView, Promise, Refusal, Waits},
    facts::{AddressFacts, ClaimFacts, ClusterFacts, PoolFacts},
    snapshot::fixtures::{World, claim, now},
};

fn spec(grace: i32) -> Value {
    json!({"addresses": ["192.0.2.10-192.0.2.11"], "prefix": 24, "addressReuseGracePeriodSeconds": grace})
}

fn explained(world: &World, name: &str, more: Value, status: Value) -> Explanation {
    explain(&world.0, &claim(name, "p", more, status))
}

fn rule(told: &Explanation, rule: Rule) -> &RuleLine {
    told.rules
        .iter()
        .find(|line| line.rule == rule)
        .expect("every rule is listed")
}

fn verdicts(told: &Explanation) -> (usize, Vec<Rule>, usize) {
    let of = |verdict| told.rules.iter().filter(move |line| line.verdict == verdict);
    let deciding = of(Verdict::Decides).map(|line| line.rule).collect();
    (
        of(Verdict::Passed).count(),
        deciding,
        of(Verdict::NotReached).count(),
    )
}

#[test]
fn a_bound_claim_shows_its_address_and_owners() {
    let world = World::new().pool("p", spec(0)).served("x", "p", "192.0.2.10");
    let told = explained(&world, "x", json!({}), json!({"addressRef": {"name": "x"}}));
    assert_eq!(verdicts(&told), (8, vec![Rule::ExistingAddress], 5));
    assert_eq!((told.next.step, told.next.is_due), ("Rest", false));
    assert_eq!(told.next.says, "bound; nothing to do");
    let address = told.address.expect("it has one");
    assert_eq!(
        (address.address.as_str(), address.prefix, address.in_pool),
        ("192.0.2.10", Some(24), Some(true))
    );
    let owners: Vec<_> = address
        .owners
        .iter()
        .map(|o| (o.kind.as_str(), o.controller, o.alive))
        .collect();
    assert_eq!(
        owners,
        [
            ("IPAddressClaim", true, Some(true)),
            ("InClusterIPPool", false, Some(true))
        ]
    );
    assert_eq!(told.queue, None);
}

#[test]
fn an_owner_of_another_uid_is_dead() {
    let stale = json!({"apiVersion": "ipam.cluster.x-k8s.io/v1beta2", "kind": "IPAddressClaim", "name": "x", "uid": "old"});
    let machine =
        json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "name": "m", "uid": "u"});
    let more = json!({"ownerReferences": [machine, stale]});
    let world =
        World::new()
            .pool("p", spec(0))
            .bound("x", "p")
            .address_with("x", "p", "192.0.2.99", more, json!({}));
    let told = explained(&world, "x", json!({}), json!({}));
    let address = told.address.expect("it has one");
    assert_eq!(
        address.owners.iter().map(|o| o.alive).collect::<Vec<_>>(),
        [None, Some(false)]
    );
    assert_eq!(address.in_pool, Some(false));
    assert_eq!((told.next.step, told.next.is_due), ("Adopt", true));
}

#[test]
fn a_claim_that_waits_for_space_says_its_place_in_the_queue() {
    let world = World::new()
        .pool("p", spec(0))
        .served("x", "p", "192.0.2.10")
        .served("y", "p", "192.0.2.11")
        .claim("a-first", "p")
        .claim("b-second", "p");
    let message =
        "InClusterIPPool a/p has nothing free; enlarge the pool or delete claims that are no longer needed";
    let ready = json!({"type": "Ready", "status": "False", "reason": "PoolExhausted", "message": message});
    let status = json!({"conditions": [ready]});
    let world = world.claim_with("b-second", "p", json!({"resourceVersion": "2"}), status.clone());
    let told = explained(&world, "b-second", json!({}), status);
    assert_eq!(verdicts(&told), (13, vec![Rule::Capacity], 0));
    assert_eq!(rule(&told, Rule::Capacity).input, "total 2, used 2, free 0");
    assert_eq!(
        told.queue,
        Some(QueuePlace {
            position: 2,
            length: 2
        })
    );
    assert_eq!(told.next.says, format!("waits: PoolExhausted: {message}"));
    assert_eq!(told.conditions.len(), 1);
}

#[test]
fn the_journal_of_the_pool_shows_in_what_is_in_flight() {
    let reservation = json!({"address": "192.0.2.11", "namespace": "a", "name": "x", "uid": "uid-x"});
    let spec = spec(0);
    let pool: api::pool::AddressPool = serde_json::from_value(json!({
        "metadata": {"namespace": "a", "name": "p", "uid": "uid-p", "resourceVersion": "1"},
        "spec": spec,
        "status": {"allocation": {"holder": "h", "sequence": 1, "reservations": [reservation]}},
    }))
    .unwrap();
    let mut world = World::new();
    let spec = crate::plan::index::PoolSpec::Addresses(pool.spec.clone());
    world.0.add_pool(PoolKind::InClusterIPPool, &pool, spec);
    let world = world.claim("x", "p");
    let told = explained(&world, "x", json!({}), json!({}));
    assert_eq!(
        rule(&told, Rule::InFlight).input,
        "the pool's journal promises it 192.0.2.11"
    );
    assert_eq!(told.next.says, "create the address that is promised to it");
    assert!(told.next.is_due);
}

#[test]
fn a_claim_of_another_provider_needs_one_rule_only() {
    let mut foreign = claim("x", "p", json!({}), json!({}));
    foreign.spec.pool_ref.api_group = None;
    let mut world = World::new();
    world.0.add_claim(&foreign);
    let told = explain(&world.0, &foreign);
    assert_eq!(verdicts(&told), (0, vec![Rule::Ours], 0));
    assert_eq!(
        told.rules[0].input,
        "poolRef names InClusterIPPool p of no API group"
    );
    assert_eq!((told.next.step, told.pool), ("Ignore", None));
}

#[test]
fn conditions_are_those_of_the_newer_style() {
    let nested = json!({"conditions": [{"type": "Old", "status": "True"}],
        "v1beta2": {"conditions": [{"type": "New", "status": "True"}]}});
    let types = |status| {
        conditions(&claim("x", "p", json!({}), status))
            .into_iter()
            .map(|c| c.type_)
            .collect::<Vec<_>>()
    };
    assert_eq!(types(nested), ["New"]);
    assert_eq!(
        types(json!({"conditions": [{"type": "Old", "status": "True"}], "v1beta2": {}})),
        ["Old"]
    );
    assert_eq!(types(Value::Null), [""; 0]);
}

/// The pieces views are put together from.
struct Pieces {
    claims: Vec<ClaimFacts>,
    pools: Vec<PoolFacts>,
    addresses: Vec<AddressFacts>,
    refusal: Refusal,
}

impl Pieces {
    fn new() -> Self {
        let mut claims = Vec::new();
        for (finalizers, deleted, paused) in (0..8).map(|bits| (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0)) {
            let mut more = json!({});
            more["finalizers"] = if finalizers {
                json!([names::RELEASE_ADDRESS])
            } else {
                json!([])
            };
            if deleted {
                more["deletionTimestamp"] = json!("2026-01-10T11:59:00Z");
            }
            if paused {
                more["annotations"] = json!({names::PAUSED: ""});
            }
            let world = World::new().claim_with("x", "p", more, json!({}));
            claims.push(world.0.index().claims().next().unwrap().clone());
        }
        let mut filtered = claims[1].clone();
        filtered.filtered_out = true;
        claims.push(filtered);
        let pool = |more| {
            let world = World::new().pool_with(PoolKind::InClusterIPPool, "p", spec(0), more);
            world.0.index().pools().next().unwrap().1.facts().unwrap().clone()
        };
        let address = |pool: &str, more| {
            let world = World::new().address_with("x", pool, "192.0.2.10", more, json!({}));
            world.0.index().addresses().next().unwrap().clone()
        };
        Self {
            claims,
            pools: vec![
                pool(json!({})),
                pool(json!({"annotations": {names::PAUSED: ""}})),
                pool(json!({"deletionTimestamp": "2026-01-10T11:59:00Z"})),
            ],
            addresses: vec![
                address("p", json!({})),
                address("q", json!({})),
                address("p", json!({"ownerReferences": []})),
                address(
                    "p",
                    json!({"finalizers": [], "deletionTimestamp": "2026-01-10T11:59:00Z"}),
                ),
            ],
            refusal: Refusal {
                message: "no".into(),
                until: "2026-01-10T12:01:00Z".parse().unwrap(),
            },
        }
    }

    fn views(&self) -> Vec<View<'_>> {
        let clusters = [
            ClusterView::None,
            ClusterView::Known(ClusterFacts { paused: true }),
            ClusterView::Absent,
            ClusterView::Unknown,
        ];
        let mut pools = vec![PoolView::Absent, PoolView::Forbidden("not allowed")];
        for facts in &self.pools {
            for (unusable, has_free, grace_seconds) in [
                (None, true, 0),
                (None, false, 0),
                (Some("bad"), false, 0),
                (None, true, 3600),
            ] {
                pools.push(PoolView::Known {
                    facts,
                    unusable,
                    has_free,
                    grace_seconds,
                });
            }
        }
        let later = Some(self.refusal.until);
        let promises = [
            (None, None),
            (Some(Promise::Planned), None),
            (Some(Promise::Planned), later),
            (Some(Promise::Recorded), None),
            (Some(Promise::Unsettled), None),
            (Some(Promise::Unsettled), later),
            (Some(Promise::Created), None),
        ];
        let mut views = Vec::new();
        for claim in &self.claims {
            for cluster in clusters {
                for pool in &pools {
                    for address in std::iter::once(None).chain(self.addresses.iter().map(Some)) {
                        for (promise, doubt) in promises {
                            for refused in [None, Some(&self.refusal)] {
                                let confirmed = Confirmed::default();
                                let (pool, now) = (*pool, now());
                                views.push(View {
                                    claim,
                                    cluster,
                                    pool,
                                    address,
                                    promise,
                                    doubt,
                                    refused,
                                    confirmed,
                                    now,
                                });
                            }
                        }
                    }
                }
            }
        }
        views
    }

    /// The same view, but for the input of one rule, which is made harmless. `None` where that has no single meaning.
    fn without<'a>(&'a self, rule: Rule, view: &View<'a>) -> Option<View<'a>> {
        let mut view = *view;
        let known = |facts, unusable, has_free, grace_seconds| PoolView::Known {
            facts,
            unusable,
            has_free,
            grace_seconds,
        };
        match (rule, view.pool) {
            (Rule::WatchFilter, _) if view.claim.filtered_out => view.claim = &self.claims[1],
            // Bit 4 is the pause.
            (Rule::ClaimPaused, _) => {
                let number = self.claims.iter().position(|c| std::ptr::eq(c, view.claim))?;
                view.claim = &self.claims[if number < 8 { number & 3 } else { number }];
            }
            (Rule::Cluster, _) => view.cluster = ClusterView::None,
            // With a promise that is as good as an address the answer stays the same, for another reason.
            (Rule::ExistingAddress, _) if view.promise.is_none() => view.address = None,
            // A claim whose promise is only planned waits for its pool just as one without a promise does.
            (Rule::InFlight, _) if !matches!(view.promise, Some(Promise::Planned | Promise::Recorded)) => {
                view.promise = None;
            }
            (Rule::Refusal, _) => view.refused = None,
            (
                Rule::PoolPaused,
                PoolView::Known {
                    facts,
                    unusable,
                    has_free,
                    grace_seconds,
                },
            ) if facts.paused => {
                view.pool = known(&self.pools[0], unusable, has_free, grace_seconds);
            }
            (
                Rule::PoolDeletion,
                PoolView::Known {
                    facts,
                    unusable,
                    has_free,
                    grace_seconds,
                },
            ) if facts.deleting => {
                view.pool = known(&self.pools[0], unusable, has_free, grace_seconds);
            }
            (
                Rule::PoolSpec,
                PoolView::Known {
                    facts,
                    has_free,
                    grace_seconds,
                    ..
                },
            ) => {
                view.pool = known(facts, None, has_free, grace_seconds);
            }
            (Rule::Pool, PoolView::Absent | PoolView::Forbidden(_)) => {
                view.pool = known(&self.pools[0], None, true, 0);
            }
            _ => return None,
        }
        Some(view)
    }
}

/// Over all 26,000 combinations: what is called not reached has no influence on the answer, and what is said to decide
/// does decide.
#[test]
fn the_deciding_rule_decides_and_later_rules_do_not() {
    let pieces = Pieces::new();
    let mut decided = std::collections::BTreeSet::new();
    for view in pieces.views() {
        let next = claim::next(&view);
        let rule = decider(&view, &next);
        decided.insert(rule);
        for later in Rule::ALL.into_iter().filter(|later| *later > rule) {
            // A pool being deleted ends grace periods, which is part of the rule on deletion.
            let is_entangled = rule == Rule::Deletion && later == Rule::PoolDeletion;
            // Deletion looks at address and promise itself: what is there to release?
            let is_looked_at =
                rule == Rule::Deletion && matches!(later, Rule::ExistingAddress | Rule::InFlight);
            if let Some(other) = pieces
                .without(later, &view)
                .filter(|_| !is_entangled && !is_looked_at)
            {
                assert_eq!(
                    claim::next(&other),
                    next,
                    "{later:?} counts although {rule:?} decides: {view:?}"
                );
            }
        }
        if let Some(other) = pieces.without(rule, &view) {
            assert_ne!(claim::next(&other), next, "{rule:?} does not decide: {view:?}");
        }
    }
    let all: std::collections::BTreeSet<_> =
        Rule::ALL.into_iter().filter(|rule| *rule != Rule::Ours).collect();
    assert_eq!(decided, all, "every rule decides somewhere");
}

#[test]
fn a_wait_is_not_due_but_a_queue_is() {
    assert!(is_due(&Next::Rest(Waits::Queue)) && is_due(&Next::Create));
    assert!(!is_due(&Next::Rest(Waits::Bound)) && !is_due(&Next::Rest(Waits::PoolPaused)));
}
