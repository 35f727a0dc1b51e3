//! `cadastre pools`: how full every pool is.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use pools::{
    plan::snapshot::{PoolRow, rows},
    survey::{self, Reach},
};
use serde::Serialize;

use super::{
    output::Output,
    paint::{Paint, Tone},
    progress::Meter,
    session::{Cluster, Namespaces, Session},
    table::{Align, Cell, Table},
    text::{count, visible},
};

/// Show how full the pools are and who waits for them
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
TOTAL is what a pool may hand out, USED the IPAddress objects that refer to it, OUT OF RANGE those of them it does \
not contain (any more), WAITING the claims without an address. Everything is counted from the objects themselves, so the \
numbers are right even where no controller runs. Prefix pools count prefixes.

In JSON and YAML numbers stop at 9223372036854775807, like those in the status of the pools.

Examples:
  cadastre pools                     the pools of this namespace, and the global ones
  cadastre pools -A                  all pools
  cadastre pools -A -o json | jq '.pools[] | select(.free == 0) | .name'")]
pub(crate) struct Flags {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    scope: Namespaces,
    #[command(flatten)]
    cluster: Cluster,
}

/// What `-o json` prints. Field names do not change.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// One for each pool, sorted by kind, namespace and name.
    pools: Vec<PoolRow>,
    /// What could not be looked at, and why; counts may be too small then.
    not_looked_at: Vec<String>,
}

pub(crate) async fn run(flags: Flags) -> Result<ExitCode> {
    let session = Session::open(&flags.cluster).await?;
    let namespace = flags
        .scope
        .namespace
        .as_deref()
        .unwrap_or(&session.default_namespace);
    let namespace = (!flags.scope.all_namespaces).then_some(namespace);
    let meter = Meter::start();
    let snapshot = survey::take(
        &session.client,
        &session.served,
        Reach::Everywhere { or_in: namespace },
        &meter,
    )
    .await?;
    drop(meter);
    let report = Report {
        pools: rows(&snapshot, namespace),
        not_looked_at: snapshot.gaps().to_vec(),
    };
    flags.output.print(&report, |paint| table(&report.pools, paint))?;
    if let (true, Some(namespace)) = (report.pools.is_empty(), namespace) {
        eprintln!("no pools in namespace {namespace}, and no global ones; -A shows all namespaces");
    } else if report.pools.is_empty() {
        eprintln!("no pools");
    }
    for gap in &report.not_looked_at {
        eprintln!("not looked at: {}", visible(gap));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(pools: &[PoolRow], paint: Paint) -> String {
    if pools.is_empty() {
        return String::new();
    }
    let has_notes = pools.iter().any(|pool| note(pool).is_some());
    let columns = [
        ("KIND", Align::Left),
        ("NAMESPACE", Align::Left),
        ("NAME", Align::Left),
        ("TOTAL", Align::Right),
        ("USED", Align::Right),
        ("FREE", Align::Right),
        ("WAITING", Align::Right),
        ("OUT OF RANGE", Align::Right),
        ("NOTE", Align::Left),
    ];
    let mut table = Table::new(columns.into_iter().take(if has_notes { 9 } else { 8 }));
    for pool in pools {
        table.push(row(pool));
    }
    table.render(paint)
}

fn row(pool: &PoolRow) -> [Cell; 9] {
    let exact = |n: Option<u128>| n.map_or_else(|| "-".to_owned(), count);
    let waiting = pool.waiting.to_string();
    let out_of_range = pool
        .out_of_range
        .map_or_else(|| "-".to_owned(), |n| n.to_string());
    let toned = |text: String, is_worrying: bool, tone| {
        if is_worrying {
            Cell::toned(text, tone)
        } else {
            Cell::from(text)
        }
    };
    let is_full = pool.free == Some(0) && pool.total != Some(0);
    [
        pool.pool.kind.into(),
        pool.pool.namespace.as_deref().unwrap_or("-").into(),
        pool.pool.name.as_str().into(),
        exact(pool.exact.map(|e| e.total)).into(),
        pool.used.to_string().into(),
        toned(exact(pool.exact.map(|e| e.free)), is_full, Tone::Attention),
        toned(waiting, pool.waiting > 0, Tone::Attention),
        toned(
            out_of_range,
            pool.out_of_range.is_some_and(|n| n > 0),
            Tone::Attention,
        ),
        note(pool).map_or_else(|| "".into(), |(text, tone)| Cell::toned(text, tone)),
    ]
}

fn note(pool: &PoolRow) -> Option<(String, Tone)> {
    let deleting = pool.deleting.then_some("being deleted");
    let paused = pool.paused.then_some("paused");
    match &pool.problem {
        Some(problem) => Some((format!("unusable: {}", visible(problem)), Tone::Bad)),
        None => deleting.or(paused).map(|text| (text.to_owned(), Tone::Attention)),
    }
}

#[cfg(test)]
mod tests {
    use pools::plan::snapshot::{Exact, PoolKey};

    use super::*;

    fn pool(kind: &'static str, namespace: Option<&str>, name: &str, total: u128, used: i64) -> PoolRow {
        let free = total.saturating_sub(u128::try_from(used).unwrap());
        PoolRow {
            pool: PoolKey {
                kind,
                namespace: namespace.map(str::to_owned),
                name: name.to_owned(),
            },
            total: Some(i64::try_from(total).unwrap_or(i64::MAX)),
            used,
            free: Some(i64::try_from(free).unwrap_or(i64::MAX - used)),
            waiting: 0,
            out_of_range: Some(0),
            paused: false,
            deleting: false,
            problem: None,
            exact: Some(Exact { total, free }),
        }
    }

    #[test]
    fn a_table_without_trouble_has_no_note_column() {
        let mut full = pool("InClusterIPPool", Some("team-a"), "workers", 253, 253);
        full.waiting = 12;
        full.out_of_range = Some(1);
        let rows = [
            full,
            pool("GlobalInClusterPrefixPool", None, "pods", (1 << 80) - 1, 3),
        ];
        let expected = "\
KIND                        NAMESPACE   NAME       TOTAL   USED     FREE   WAITING   OUT OF RANGE
InClusterIPPool             team-a      workers      253    253        0        12              1
GlobalInClusterPrefixPool   -           pods      2^80-1      3   2^80-4         0              0
";
        assert_eq!(table(&rows, Paint::PLAIN), expected);
    }

    #[test]
    fn unusable_and_paused_pools_say_so() {
        let mut broken = pool("InClusterIPPool", Some("a"), "broken", 0, 2);
        (broken.total, broken.free, broken.out_of_range, broken.exact) = (None, None, None, None);
        broken.problem = Some("spec.addresses: the list is empty".to_owned());
        let mut paused = pool("InClusterIPPool", Some("a"), "paused", 5, 0);
        paused.paused = true;
        let expected = "\
KIND              NAMESPACE   NAME     TOTAL   USED   FREE   WAITING   OUT OF RANGE   NOTE
InClusterIPPool   a           broken       -      2      -         0              -   unusable: spec.addresses: the list is empty
InClusterIPPool   a           paused       5      0      5         0              0   paused
";
        assert_eq!(table(&[broken, paused], Paint::PLAIN), expected);
    }

    #[test]
    fn data_has_plain_numbers_and_stable_names() {
        let row = pool("InClusterPrefixPool", Some("a"), "p", 1 << 64, 1);
        let json = serde_json::to_string(&row).unwrap();
        let expected = r#"{"kind":"InClusterPrefixPool","namespace":"a","name":"p","total":9223372036854775807,"used":1,"free":9223372036854775806,"waiting":0,"outOfRange":0,"paused":false,"deleting":false,"problem":null}"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn no_pools_print_nothing() {
        assert_eq!(table(&[], Paint::PLAIN), "");
    }
}
