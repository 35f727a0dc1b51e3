//! Chance: whatever order things happen in, never more than the limit are under way, and everybody gets a turn.

use proptest::prelude::*;
use serde_json::json;

use super::stage::Stage;
use crate::plan::condition::enactment::Said;

#[derive(Clone, Debug)]
enum Event {
    /// A node does its next step.
    Act(usize),
    /// The coordinator looks.
    Coordinate,
    /// A node leaves the cluster, or joins it.
    Toggle(usize),
    /// The process of a node goes or comes back.
    Handler(usize),
    /// The policy gets other content.
    Edit,
    /// The coordinator is another process and the status was lost.
    Forget,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        12 => (0..8usize).prop_map(Event::Act),
        8 => Just(Event::Coordinate),
        1 => (0..8usize).prop_map(Event::Toggle),
        1 => (0..8usize).prop_map(Event::Handler),
        1 => Just(Event::Edit),
        1 => Just(Event::Forget),
    ];
    prop::collection::vec(event, 0..150)
}

fn name(n: usize) -> String {
    format!("n{}", n + 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn never_more_than_the_limit_and_everybody_gets_a_turn(
        events in events(),
        limit in 1..5usize,
        scripts in prop::collection::vec(prop::collection::vec(any::<bool>(), 1..4), 8),
    ) {
        let spec = json!({"maxUnavailable": limit});
        let mut stage = Stage::new(8, &spec);
        for (n, script) in scripts.iter().enumerate() {
            // Ends well: a node that fails for ever is the next property's.
            let script: Vec<bool> = script.iter().copied().chain([true]).collect();
            stage.script(&name(n), &script);
        }
        for event in &events {
            match event {
                Event::Act(n) => { stage.act(&name(*n)); }
                Event::Coordinate => { stage.coordinate(); }
                Event::Toggle(n) if stage.nodes.contains_key(&name(*n)) => stage.leave(&name(*n)),
                Event::Toggle(n) => stage.join(&name(*n)),
                Event::Handler(n) => {
                    if let Some(node) = stage.nodes.get_mut(&name(*n)) {
                        node.handler = !node.handler;
                    }
                }
                Event::Edit => stage.edit(spec.clone()),
                Event::Forget => {
                    if let Some(status) = &mut stage.policy.status {
                        status.slots.clear();
                    }
                }
            }
            prop_assert!(stage.between().len() <= limit, "after {event:?}: {:?}", stage.between());
        }
        for node in stage.nodes.values_mut() {
            node.handler = true;
        }
        stage.run();
        prop_assert!(stage.most <= limit, "{} nodes at once", stage.most);
        prop_assert!(stage.all().iter().all(|said| *said == Said::Available), "{:?}", stage.all());
        prop_assert!(stage.slots().is_empty());
    }

    #[test]
    fn whoever_fails_for_ever_stops_at_most_limit_nodes_and_nobody_waits_in_the_end(
        broken in prop::collection::vec(any::<bool>(), 6),
        limit in 1..7usize,
    ) {
        let mut stage = Stage::new(6, &json!({"maxUnavailable": limit}));
        for (n, broken) in broken.iter().enumerate() {
            stage.script(&name(n), &[!broken]);
        }
        stage.run();
        let count = |wanted| stage.all().iter().filter(|said| **said == wanted).count();
        let failing = count(Said::Failing);
        prop_assert!(failing <= limit);
        prop_assert_eq!(failing, broken.iter().filter(|b| **b).count().min(limit));
        prop_assert_eq!(count(Said::Available) + failing + count(Said::Aborted), 6);
        prop_assert!(count(Said::Aborted) == 0 || failing == limit);
    }
}
