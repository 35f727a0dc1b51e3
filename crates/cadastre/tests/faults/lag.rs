//! Watches that show the past.

use std::time::Duration;

use testkit::{FaultProxy, dice::Dice};

use crate::{
    audit,
    crowd::{Crowd, Temper},
    ground::plots,
    is_long,
    pause::pause,
    stage::Stage,
};

/// While watches stand still the controller knows neither what others did nor what itself has done; then everything
/// comes at once, or the watch breaks and everything is listed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lagging_watches_give_nothing_twice() {
    let test = "faults-lag";
    let mut dice = Dice::seeded(test);
    let plots = plots();
    let stage = Stage::set(test, &plots).await;
    let client = stage.client();
    let proxy = FaultProxy::start(&stage.plane).await.expect("a proxy");
    let place = stage.place(proxy.kubeconfig(), &[]).await;
    let controller = place.ready().await;
    let temper = Temper {
        people: 8,
        creations: 60,
        pause: Duration::from_millis(4),
    };
    let crowd = Crowd::gather(&client, &plots, temper, &mut dice);

    for round in 0..if is_long() { 40 } else { 6 } {
        pause(&mut dice, Duration::from_millis(50), Duration::from_millis(400)).await;
        proxy.stall_watches(true);
        pause(&mut dice, Duration::from_millis(200), Duration::from_millis(2000)).await;
        if round % 3 == 2 {
            proxy.drop_watches();
        }
        proxy.stall_watches(false);
        stage.witness.assert_unique();
    }

    let acts = crowd.disperse().await;
    eprintln!("{test}: {acts} claims created or deleted");
    audit::settled(&client, &plots, Duration::from_secs(60)).await;
    stage.witness.testify().await;
    controller.dismiss().await;
}
