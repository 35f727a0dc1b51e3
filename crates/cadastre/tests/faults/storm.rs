//! An API server that restarts, refuses, fails, drops connections and loses answers.

use std::time::Duration;

use api::pool::PoolKind;
use futures::{StreamExt as _, stream};
use kube::{Client, api::PostParams};
use testkit::{
    FaultProxy,
    dice::Dice,
    eventually,
    fault::{Action, Count, Fault, Filter},
};

use crate::{audit, ground::Plot, is_long, stage::Stage};

/// How many want an address.
const CLAIMS: u64 = 2_000;
/// Claims created at the same time.
const AT_ONCE: usize = 24;

/// One request in five fails, each time in one of these ways.
fn weather(proxy: &FaultProxy, dice: &mut Dice) {
    // The chance of the later ones is of what the earlier ones let through: together 20 %.
    let kinds = [
        (Action::status(429), 1.0 / 20.0),
        (Action::status(500), 1.0 / 19.0),
        (Action::DropConnection, 1.0 / 18.0),
        (Action::DropAfterForward, 1.0 / 17.0),
    ];
    for (action, p) in kinds {
        let seed = dice.throw();
        proxy.inject(Fault {
            filter: Filter::any(),
            action,
            count: Count::Probability { p, seed },
        });
    }
}

/// Creates all claims, however often the API server is away.
async fn claim_all(client: &Client, plot: &Plot) {
    let numbers = stream::iter(0..plot.names);
    numbers
        .for_each_concurrent(AT_ONCE, |number| async move {
            let (api, object) = plot.claim(client, &plot.namespaces[0], number);
            eventually(Duration::from_secs(60), "the claim is created", || async {
                match api.create(&PostParams::default(), &object).await {
                    Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
                    Err(error) => Err(error.to_string()),
                    Ok(_) => Ok(()),
                }
            })
            .await;
        })
        .await;
}

/// Waits until so many addresses exist.
async fn alive(stage: &Stage, number: usize) {
    eventually(
        Duration::from_secs(120),
        &format!("{number} addresses exist"),
        || async {
            let now = stage.witness.alive();
            if now >= number {
                Ok(())
            } else {
                Err(format!("{now} do"))
            }
        },
    )
    .await;
}

/// 2,000 claims at once, one request in five fails, and the API server dies and comes back twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_binds_every_claim_and_gives_nothing_twice() {
    let test = "faults-storm";
    let mut dice = Dice::seeded(test);
    let plots = [Plot::new(
        PoolKind::InClusterIPPool,
        "roomy",
        "10.0.0.0/20",
        &["a"],
        CLAIMS,
    )];
    let stage = Stage::set(test, &plots).await;
    let client = stage.client();
    let proxy = FaultProxy::start(&stage.plane).await.expect("a proxy");
    let place = stage.place(proxy.kubeconfig(), &[]).await;
    let controller = place.ready().await;
    weather(&proxy, &mut dice);

    let chaos = async {
        alive(&stage, 300).await;
        if is_long() {
            // The orderly end takes 20 s, since watches keep it from ending.
            stage.plane.stop_apiserver().await.expect("it ends");
        } else {
            stage.plane.kill_apiserver().await.expect("it ends");
        }
        stage.plane.start_apiserver().await.expect("it comes back");
        alive(&stage, 1_000).await;
        stage.plane.kill_apiserver().await.expect("it ends");
        stage.plane.start_apiserver().await.expect("it comes back");
        alive(&stage, 2_000).await;
    };
    futures::join!(claim_all(&client, &plots[0]), chaos);
    stage.witness.assert_unique();
    // Fair weather for the rest: promises whose outcome nobody knows are kept for a while.
    proxy.clear();

    audit::settled(&client, &plots, Duration::from_secs(90)).await;
    stage.witness.testify().await;
    controller.dismiss().await;
}
