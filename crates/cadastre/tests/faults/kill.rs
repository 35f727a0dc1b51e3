//! Controllers killed at random moments.

use std::time::Duration;

use api::pool::PoolKind;
use testkit::dice::Dice;

use crate::{
    audit,
    crowd::{Crowd, Temper},
    ground::Plot,
    is_long,
    pause::pause,
    stage::Stage,
};

/// The controller dies again and again in the middle of whatever it does. Three pools: one with room, one for two
/// namespaces, and one that is too small for all who want something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_at_random_moments_duplicates_and_leaks_nothing() {
    let test = "faults-kill";
    let mut dice = Dice::seeded(test);
    let plots = [
        Plot::new(
            PoolKind::InClusterIPPool,
            "roomy",
            "10.0.0.0-10.0.0.60",
            &["a"],
            50,
        ),
        Plot::new(
            PoolKind::GlobalInClusterIPPool,
            "shared",
            "10.0.0.0-10.0.0.80",
            &["a", "b"],
            30,
        ),
        Plot::new(
            PoolKind::InClusterIPPool,
            "tight",
            "10.0.0.1-10.0.0.7",
            &["b"],
            12,
        ),
    ];
    let stage = Stage::set(test, &plots).await;
    let client = stage.client();
    let place = stage.place(stage.plane.kubeconfig(), &[]).await;
    let temper = Temper {
        people: 4,
        creations: 55,
        pause: Duration::from_millis(25),
    };
    let crowd = Crowd::gather(&client, &plots, temper, &mut dice);

    for _ in 0..if is_long() { 200 } else { 25 } {
        // Some die while they still find out what their predecessor left, most in the middle of their work.
        let mut controller = place.start();
        if dice.below(3) > 0 {
            controller.ready().await.expect("it gets ready");
            // Not after a time: on a busy machine that would kill all of them before they have begun.
            stage.progress(1 + dice.below(25)).await;
            pause(&mut dice, Duration::ZERO, Duration::from_millis(100)).await;
        } else {
            pause(&mut dice, Duration::from_millis(20), Duration::from_millis(700)).await;
        }
        controller.kill().await;
        stage.witness.assert_unique();
    }

    let acts = crowd.disperse().await;
    eprintln!("{test}: {acts} claims created or deleted");
    let last = place.ready().await;
    audit::settled(&client, &plots, Duration::from_secs(60)).await;
    stage.witness.testify().await;
    last.dismiss().await;
}
