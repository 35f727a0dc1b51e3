//! Field rules of address pools (cases 70 to 84, 165), for both kinds.

use api::pool::PoolKind;
use serde_json::{Value, json};

use crate::home::Home;

const KINDS: [PoolKind; 2] = [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool];

/// A spec that is refused: the fields named, in order, and what the message contains.
struct Row {
    spec: Value,
    fields: &'static [&'static str],
    says: &'static [&'static str],
}

fn row(spec: Value, fields: &'static [&'static str], says: &'static [&'static str]) -> Row {
    Row { spec, fields, says }
}

fn pool(addresses: &[&str], prefix: i64) -> Value {
    json!({"addresses": addresses, "prefix": prefix})
}

fn with(mut spec: Value, key: &str, value: Value) -> Value {
    spec[key] = value;
    spec
}

/// Every row is refused on creation, and as an update of a good pool.
async fn refused(case: u32, rows: Vec<Row>) {
    let home = Home::new(&format!("case-{case}")).await;
    for kind in KINDS {
        let good = pool(&["192.0.2.10"], 24);
        home.post("v1alpha2", kind, "good", &good).await.accepted();
        for (number, row) in rows.iter().enumerate() {
            let name = format!("bad-{number}");
            let created = home.post("v1alpha2", kind, &name, &row.spec).await;
            let updated = home
                .put("v1alpha2", kind, "good", |object| {
                    object["spec"] = row.spec.clone();
                })
                .await;
            for answer in [created, updated] {
                let message = answer.invalid(row.fields);
                for text in row.says {
                    assert!(message.contains(text), "{text:?} is not in {message:?}");
                }
            }
            assert_eq!(
                home.get("v1alpha2", kind, &name).await.code,
                404,
                "it is not stored"
            );
        }
        let left = home.get("v1alpha2", kind, "good").await.accepted();
        assert_eq!(left["spec"], good, "it is as it was");
    }
}

/// Every row is accepted and stored as it was written.
async fn accepted(case: u32, specs: Vec<Value>) {
    let home = Home::new(&format!("case-{case}")).await;
    for kind in KINDS {
        for (number, spec) in specs.iter().enumerate() {
            let name = format!("good-{number}");
            let answer = home.post("v1alpha2", kind, &name, spec).await;
            assert_eq!(answer.clone().accepted()["spec"], *spec, "nothing is changed");
            assert_eq!(home.get("v1alpha2", kind, &name).await.accepted()["spec"], *spec);
        }
    }
}

#[tokio::test]
async fn case_70_end_to_end() {
    refused(70, vec![row(pool(&[], 24), &["spec.addresses"], &[])]).await;
}

/// The schema speaks first.
#[tokio::test]
async fn case_71_end_to_end() {
    let rows = [-1, 9999].map(|prefix| row(pool(&["192.0.2.10"], prefix), &["spec.prefix"], &[]));
    refused(71, rows.into()).await;
}

#[tokio::test]
async fn case_72_end_to_end() {
    refused(
        72,
        vec![row(pool(&["192.0.2.10"], 33), &["spec.prefix"], &["33"])],
    )
    .await;
}

#[tokio::test]
async fn case_73_end_to_end() {
    let entries: [(&str, &[&str]); 4] = [
        ("10.0.0.25,26,10.0.1.27", &["\"10.0.0.25,26,10.0.1.27\""]),
        ("garbage", &["\"garbage\""]),
        ("10.0.0.10-10.0.0.5", &["\"10.0.0.10-10.0.0.5\""]),
        ("10.0.0.10/33", &["\"10.0.0.10/33\""]),
    ];
    let rows = entries.map(|(entry, says)| row(pool(&[entry], 24), &["spec.addresses"], says));
    refused(73, rows.into()).await;
}

#[tokio::test]
async fn case_74_end_to_end() {
    let spec = pool(&["10.0.1.0", "10.0.0.10-10.0.0.20"], 24);
    refused(
        74,
        vec![row(spec, &["spec.addresses"], &["\"10.0.1.0\"", "10.0.0.0/24"])],
    )
    .await;
}

#[tokio::test]
async fn case_75_end_to_end() {
    let spec = pool(&["10.0.1.0", "10.0.2.10-10.0.2.20"], 24);
    refused(
        75,
        vec![row(spec, &["spec.addresses"], &["\"10.0.2.10-10.0.2.20\""])],
    )
    .await;
}

#[tokio::test]
async fn case_76_end_to_end() {
    let spec = pool(&["10.0.1.0", "10.0.0.20-10.0.1.20"], 24);
    let says = &["\"10.0.1.0\"", "\"10.0.0.20-10.0.1.20\""];
    refused(76, vec![row(spec, &["spec.addresses", "spec.addresses"], says)]).await;
}

#[tokio::test]
async fn case_77_end_to_end() {
    let spec = pool(&["10.0.1.0", "10.0.1.20-10.0.2.20"], 24);
    refused(
        77,
        vec![row(spec, &["spec.addresses"], &["\"10.0.1.20-10.0.2.20\""])],
    )
    .await;
}

#[tokio::test]
async fn case_78_end_to_end() {
    let rows = vec![
        row(
            pool(&["10.0.0.1/24", "10.0.2.1/24"], 24),
            &["spec.addresses"],
            &["\"10.0.2.1/24\""],
        ),
        row(
            pool(&["10.0.0.0/23"], 24),
            &["spec.addresses"],
            &["\"10.0.0.0/23\""],
        ),
        row(
            pool(&["10.0.1.0/23"], 24),
            &["spec.addresses"],
            &["\"10.0.1.0/23\""],
        ),
    ];
    refused(78, rows).await;
}

#[tokio::test]
async fn case_79_end_to_end() {
    let v4 = || pool(&["10.0.0.10"], 24);
    let v6 = || pool(&["fd00::10"], 64);
    let rows = vec![
        row(
            with(v4(), "gateway", json!("fd00::1")),
            &["spec.gateway"],
            &["fd00::1"],
        ),
        row(
            with(v6(), "gateway", json!("10.0.0.1")),
            &["spec.gateway"],
            &["10.0.0.1"],
        ),
        row(
            with(v4(), "gateway", json!("invalid")),
            &["spec.gateway"],
            &["invalid"],
        ),
    ];
    refused(79, rows).await;
}

#[tokio::test]
async fn case_80_end_to_end() {
    refused(
        80,
        vec![row(pool(&["10.0.0.1", "fd00::1"], 24), &["spec.addresses"], &[])],
    )
    .await;
}

#[tokio::test]
async fn case_81_end_to_end() {
    let excluding = |entries: &[&str]| with(pool(&["10.0.0.10"], 24), "excludedAddresses", json!(entries));
    let rows = vec![
        row(
            excluding(&["nonsense"]),
            &["spec.excludedAddresses"],
            &["\"nonsense\""],
        ),
        // Mixed exclusions always also differ from the pool's family (spec §10.2).
        row(
            excluding(&["10.0.0.1", "fd00::1"]),
            &["spec.excludedAddresses", "spec.excludedAddresses"],
            &[],
        ),
        row(excluding(&["fd00::1"]), &["spec.excludedAddresses"], &[]),
    ];
    refused(81, rows).await;
}

/// The schema speaks first.
#[tokio::test]
async fn case_82_end_to_end() {
    let spec = with(
        pool(&["10.0.0.10"], 24),
        "addressReuseGracePeriodSeconds",
        json!(-1),
    );
    refused(82, vec![row(spec, &["spec.addressReuseGracePeriodSeconds"], &[])]).await;
}

#[tokio::test]
async fn case_83_end_to_end() {
    accepted(
        83,
        vec![pool(&["fe01::2", "fe01::3-fe01::5", "fe01::1:1/126"], 28)],
    )
    .await;
}

#[tokio::test]
async fn case_84_end_to_end() {
    let plain = || with(pool(&["10.0.0.2-10.0.0.254"], 24), "gateway", json!("10.0.0.1"));
    let grace = |seconds: i64| with(plain(), "addressReuseGracePeriodSeconds", json!(seconds));
    let excluded = with(plain(), "excludedAddresses", json!(["10.0.0.3-10.0.1.6"]));
    accepted(84, vec![plain(), grace(0), grace(60), excluded]).await;
}

/// The second example of the documentation (case 163) is accepted; with an entry outside its subnet it is not.
#[tokio::test]
async fn case_165_end_to_end() {
    let example = |entries: &[&str]| {
        let spec = with(pool(entries, 22), "gateway", json!("10.0.0.1"));
        let excluded = ["10.10.0.16/28", "10.10.0.242", "10.0.1.25-10.0.1.30"];
        with(spec, "excludedAddresses", json!(excluded))
    };
    let [net, range, one, other] = ["10.0.0.0/24", "10.0.1.10-10.0.1.100", "10.0.2.1", "10.0.2.2"];
    accepted(163, vec![example(&[net, range, one, other])]).await;
    let outside = example(&[net, range, one, other, "10.1.0.0/24"]);
    refused(
        165,
        vec![row(
            outside,
            &["spec.addresses"],
            &["\"10.1.0.0/24\"", "10.0.0.0/22"],
        )],
    )
    .await;
}
