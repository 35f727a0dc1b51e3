//! `cadastre check`: a read-only audit.

use std::{fmt::Write as _, process::ExitCode};

use anyhow::Result;
use clap::Args;
use pools::{
    plan::audit::{Audit, Finding, Severity, Summary, audit},
    survey::{self, Reach},
};

use super::{
    NO, UNKNOWN,
    output::Output,
    paint::{Paint, Tone},
    progress::Meter,
    session::{Cluster, Namespaces, Session},
    text::visible,
};

/// Objects of a finding shown to people, unless --verbose.
const SHOWN: usize = 5;

/// Audit pools, claims and addresses without changing anything
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Looks at the whole cluster unless -n names a namespace. Needs nothing but permission to list; no controller has to run, \
so it can be used before a migration.

Severities:
  error     somebody is harmed now, or stays without an address until a person acts
  warning   may harm, or repairs itself only if a controller runs
  note      worth knowing

Exit codes: 0 no errors; 1 errors found; 2 could not look, or not at everything.

Examples:
  cadastre check
  cadastre check -n team-a --verbose
  cadastre check -o json | jq '.findings[] | select(.kind == \"DuplicateAddress\")'")]
pub(crate) struct Flags {
    /// Name every object of a finding, not only the first few
    #[arg(short, long)]
    verbose: bool,

    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    scope: Namespaces,
    #[command(flatten)]
    cluster: Cluster,
}

pub(crate) async fn run(flags: Flags) -> Result<ExitCode> {
    let session = Session::open(&flags.cluster).await?;
    let namespace = flags.scope.namespace.as_deref();
    let meter = Meter::start();
    let reach = Reach::Everywhere { or_in: namespace };
    let mut snapshot = survey::take(&session.client, &session.served, reach, &meter).await?;
    survey::confirm(&session.client, &session.served, &mut snapshot).await?;
    drop(meter);
    let audit = audit(&snapshot, namespace);
    flags
        .output
        .print(&audit, |paint| text(&audit, flags.verbose, paint))?;
    Ok(ExitCode::from(code(&audit)))
}

/// Silence about what was not looked at is no clean bill.
fn code(audit: &Audit) -> u8 {
    match (audit.summary.errors, audit.not_looked_at.is_empty()) {
        (0, true) => 0,
        (0, false) => UNKNOWN,
        (_, _) => NO,
    }
}

fn text(audit: &Audit, is_verbose: bool, paint: Paint) -> String {
    let mut out = String::new();
    for finding in &audit.findings {
        show(&mut out, finding, is_verbose, paint);
    }
    for gap in &audit.not_looked_at {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{}  {}\n",
            paint.say(Tone::Bad, "not looked at"),
            visible(gap)
        );
    }
    out.push_str(&summary(&audit.summary, paint));
    out
}

fn show(out: &mut String, finding: &Finding, is_verbose: bool, paint: Paint) {
    let tone = match finding.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Attention,
        Severity::Note => Tone::Faint,
    };
    let severity = paint.say(tone, format!("{:7}", finding.severity));
    let pool = finding
        .pool
        .as_ref()
        .map_or_else(String::new, |pool| format!("  {}", visible(&pool.to_string())));
    let _ = writeln!(out, "{severity}  {}{pool}", paint.say(Tone::Title, finding.kind));
    let _ = writeln!(out, "         {}", visible(&finding.message));
    if !finding.objects.is_empty() {
        let _ = writeln!(out, "         {}", objects(finding, is_verbose));
    }
    if !finding.remedy.is_empty() {
        let _ = writeln!(
            out,
            "         {}",
            paint.say(Tone::Faint, format!("-> {}", finding.remedy))
        );
    }
    out.push('\n');
}

/// Namespace and name; the kind only where a list has several.
fn objects(finding: &Finding, is_verbose: bool) -> String {
    let first = finding.objects.first().map(|object| object.kind);
    let is_mixed = finding.objects.iter().any(|object| Some(object.kind) != first);
    let shown = if is_verbose { finding.objects.len() } else { SHOWN };
    let name = |object: &pools::plan::snapshot::ObjectRef| {
        let name = object.to_string();
        let name = visible(&name);
        if is_mixed {
            format!("{} {name}", object.kind)
        } else {
            name.into_owned()
        }
    };
    let names: Vec<String> = finding.objects.iter().take(shown).map(name).collect();
    let kind = if is_mixed {
        String::new()
    } else {
        format!("{}: ", first.unwrap_or_default())
    };
    match finding.objects.len() - names.len() {
        0 => format!("{kind}{}", names.join(", ")),
        more => format!("{kind}{} and {more} more", names.join(", ")),
    }
}

fn summary(summary: &Summary, paint: Paint) -> String {
    let Summary {
        errors,
        warnings,
        notes,
        pools,
        claims,
        addresses,
    } = *summary;
    let of = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let toned = |count: usize, text: String, tone| if count > 0 { paint.say(tone, text) } else { text };
    let seen = format!(
        "{}, {}, {}",
        of(pools, "pool", "pools"),
        of(claims, "claim", "claims"),
        of(addresses, "address", "addresses")
    );
    if errors + warnings + notes == 0 {
        return format!("{} in {seen}\n", paint.say(Tone::Good, "nothing found"));
    }
    format!(
        "{}, {}, {} in {seen}\n",
        toned(errors, of(errors, "error", "errors"), Tone::Bad),
        toned(warnings, of(warnings, "warning", "warnings"), Tone::Attention),
        of(notes, "note", "notes"),
    )
}

#[cfg(test)]
mod tests {
    use pools::plan::{
        audit::FindingKind,
        name::ObjectName,
        snapshot::{ObjectRef, PoolKey},
    };

    use super::*;

    fn finding(severity: Severity, kind: FindingKind, addresses: usize) -> Finding {
        Finding {
            severity,
            kind,
            pool: Some(PoolKey {
                kind: "InClusterIPPool",
                namespace: Some("a".into()),
                name: "p".into(),
            }),
            message: "something is the case".into(),
            remedy: "do something".into(),
            objects: (1..=addresses)
                .map(|n| ObjectRef::address(&ObjectName::new("a", &format!("n{n}"))))
                .collect(),
        }
    }

    fn report(findings: Vec<Finding>, errors: usize, warnings: usize) -> Audit {
        let summary = Summary {
            errors,
            warnings,
            notes: 0,
            pools: 1,
            claims: 7,
            addresses: 8,
        };
        Audit {
            findings,
            summary,
            not_looked_at: Vec::new(),
        }
    }

    #[test]
    fn findings_are_blocks_with_their_objects_cut_short() {
        let audit = report(
            vec![
                finding(Severity::Error, FindingKind::DuplicateAddress, 2),
                finding(Severity::Warning, FindingKind::OutOfRange, 7),
                finding(Severity::Warning, FindingKind::UnusablePool, 0),
            ],
            1,
            2,
        );
        let expected = "\
error    DuplicateAddress  InClusterIPPool a/p
         something is the case
         IPAddress: a/n1, a/n2
         -> do something

warning  OutOfRange  InClusterIPPool a/p
         something is the case
         IPAddress: a/n1, a/n2, a/n3, a/n4, a/n5 and 2 more
         -> do something

warning  UnusablePool  InClusterIPPool a/p
         something is the case
         -> do something

1 error, 2 warnings, 0 notes in 1 pool, 7 claims, 8 addresses
";
        assert_eq!(text(&audit, false, Paint::PLAIN), expected);
        assert!(text(&audit, true, Paint::PLAIN).contains("a/n6, a/n7\n"));
    }

    #[test]
    fn pools_of_different_kinds_are_named_with_their_kind() {
        let mut overlap = finding(Severity::Warning, FindingKind::OverlappingPools, 0);
        overlap.objects = vec![
            ObjectRef {
                kind: "GlobalInClusterIPPool",
                namespace: None,
                name: "g".into(),
            },
            ObjectRef {
                kind: "InClusterIPPool",
                namespace: Some("a".into()),
                name: "p".into(),
            },
        ];
        assert_eq!(
            objects(&overlap, false),
            "GlobalInClusterIPPool g, InClusterIPPool a/p"
        );
    }

    #[test]
    fn a_clean_cluster_gets_one_line() {
        let clean = text(&report(Vec::new(), 0, 0), false, Paint::PLAIN);
        assert_eq!(clean, "nothing found in 1 pool, 7 claims, 8 addresses\n");
    }

    #[test]
    fn the_exit_code_tells_errors_from_blindness() {
        let mut audit = report(Vec::new(), 0, 3);
        assert_eq!(code(&audit), 0, "warnings alone are no failure");
        audit.not_looked_at.push("Cluster: forbidden".into());
        assert_eq!(code(&audit), 2, "what was not seen may be wrong");
        audit.summary.errors = 1;
        assert_eq!(code(&audit), 1, "an error is an error, however little was seen");
    }
}
