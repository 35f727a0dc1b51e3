//! Everything about one run, for people.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    arguments::Arguments,
    faults::Fault,
    figures::Figures,
    run::{Kind, Measured},
    stage::Mode,
};

/// The table of one run.
pub(crate) fn of(kind: Kind, run: &Measured, arguments: &Arguments) -> String {
    let (init, pass) = (&run.init, &run.pass);
    let [p50, p99] = init.spread;
    let latency = kind.latency.as_millis();
    let kubelets = if arguments.node_ip || kind.mode == Mode::Default {
        "with --node-ip"
    } else {
        "without --node-ip"
    };
    let mut text = format!(
        "\n{} Nodes {kubelets}, mode {}, {latency} ms per request\n",
        kind.nodes, kind.mode
    );
    let rows = [
        (
            "initialise: last taint removed",
            format!("{:.2} s", init.untainted),
        ),
        ("  last Node with its address", format!("{:.2} s", init.addressed)),
        ("  p50/p99 of all Nodes", format!("{p50:.2}/{p99:.2} s")),
        ("  CPU", format!("{:.2} s", init.cpu)),
        ("  requests to Proxmox VE", init.asked.total.to_string()),
    ];
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<34} {value:>16}");
    }
    counts(&mut text, &init.asked.by_template);
    line(&mut text, "  writes to the API server", &sum(&init.writes));
    counts(&mut text, &init.writes);
    if let Some(unlimited) = &run.unlimited {
        let seconds = unlimited.untainted.max(unlimited.addressed);
        line(
            &mut text,
            "the same, writes unlimited",
            &format!("{seconds:.2} s"),
        );
        line(&mut text, "  CPU", &format!("{:.2} s", unlimited.cpu));
    }
    line(
        &mut text,
        "start over initialised Nodes",
        &pass.start.total.to_string(),
    );
    let period = format!("pass of {} s: requests", arguments.period.as_secs());
    line(&mut text, &period, &pass.asked.total.to_string());
    counts(&mut text, &pass.asked.by_template);
    line(&mut text, "  writes to the API server", &sum(&pass.writes));
    counts(&mut text, &pass.writes);
    line(&mut text, "  CPU", &format!("{:.2} s", pass.cpu));
    line(
        &mut text,
        "memory, most at once",
        &format!("{:.1} MiB", run.peak_mib),
    );
    let idle = format!("  after {} s idle", arguments.idle.as_secs());
    line(&mut text, &idle, &format!("{:.1} MiB", run.idle_mib));
    text
}

/// The table of one run under a fault.
pub(crate) fn of_fault(fault: Fault, figures: &Figures) -> String {
    let mut text = format!("\n{fault}\n");
    for (name, value) in figures {
        let value = if value.fract() == 0.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.2}")
        };
        // The names are those of the JSON object, with whole templates in them.
        let _ = writeln!(text, "  {name:<70} {value:>10}");
    }
    text
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {name:<34} {value:>16}");
}

fn counts(text: &mut String, counts: &BTreeMap<String, u64>) {
    for (name, count) in counts {
        let _ = writeln!(text, "    {count:>8}  {name}");
    }
}

fn sum(counts: &BTreeMap<String, u64>) -> String {
    counts.values().sum::<u64>().to_string()
}
