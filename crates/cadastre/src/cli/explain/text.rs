//! An explanation on one screen.

use std::fmt::Write as _;

use api::capi::AnyCondition;
use jiff::Timestamp;
use pools::plan::explain::{AddressView, Explanation, OwnerView, RuleLine, Verdict};

use super::super::{
    paint::{Paint, Tone},
    table::{Align, Cell, Table},
    text::{age, visible},
};

/// The whole of it.
pub(super) fn text(told: &Explanation, now: Timestamp, paint: Paint) -> String {
    let mut out = head(told, now, paint);
    section(
        &mut out,
        paint,
        "Rules, in the order they are asked",
        &rules(&told.rules, paint),
    );
    out.push('\n');
    let tone = if told.next.step == "Rest" {
        Tone::Good
    } else {
        Tone::Attention
    };
    line(
        &mut out,
        paint,
        "Next step",
        &paint.say(tone, visible(&told.next.says)),
    );
    if told.next.is_due {
        let hint =
            "a running controller does this at once; if it stays, see whether one runs and serves this claim";
        line(&mut out, paint, "", &paint.say(Tone::Faint, hint));
    }
    if let Some(queue) = told.queue {
        let place = match queue.length {
            1 => "first and only claim that waits".to_owned(),
            length => format!("{} of {length} waiting claims, oldest first", queue.position),
        };
        line(&mut out, paint, "Queue", &place);
    }
    section(
        &mut out,
        paint,
        "Conditions",
        &conditions(&told.conditions, now, paint),
    );
    section(&mut out, paint, "Address", &address(told.address.as_ref(), paint));
    out
}

fn head(told: &Explanation, now: Timestamp, paint: Paint) -> String {
    let mut out = String::new();
    line(
        &mut out,
        paint,
        "Claim",
        &format!("{}/{}", told.namespace, told.name),
    );
    let pool = told
        .pool
        .as_ref()
        .map_or_else(|| "another provider's".to_owned(), ToString::to_string);
    // v1beta1 lets both be any text.
    line(&mut out, paint, "Pool", &visible(&pool));
    line(
        &mut out,
        paint,
        "Cluster",
        &visible(told.cluster.as_deref().unwrap_or("none")),
    );
    if let Some(created) = told.created {
        line(&mut out, paint, "Age", &age(created, now));
    }
    if let Some(deleted) = told.deleted {
        line(&mut out, paint, "Deleted", &format!("{} ago", age(deleted, now)));
    }
    out
}

/// `Title      text`, the titles 12 wide.
fn line(out: &mut String, paint: Paint, title: &str, text: &str) {
    let pad = " ".repeat(12usize.saturating_sub(title.len()));
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}{pad}{text}", paint.say(Tone::Title, title));
}

fn section(out: &mut String, paint: Paint, title: &str, body: &str) {
    let _ = writeln!(out, "\n{}", paint.say(Tone::Title, title));
    for line in body.lines() {
        let _ = writeln!(out, "  {line}");
    }
}

fn rules(rules: &[RuleLine], paint: Paint) -> String {
    let width = rules
        .iter()
        .map(|line| line.rule.title().len())
        .max()
        .unwrap_or(0);
    let lines = rules.iter().map(|line| {
        let (rule, input) = (line.rule, visible(&line.input));
        match line.verdict {
            Verdict::Passed => format!("{}  {rule:width$}   {}\n", paint.say(Tone::Good, "ok"), input),
            Verdict::Decides => {
                let mark = paint.say(Tone::Attention, "=>");
                format!("{mark}  {rule:width$}   {}\n", paint.say(Tone::Title, input))
            }
            Verdict::NotReached => paint.say(Tone::Faint, format!(" -  {rule:width$}   {input}")) + "\n",
        }
    });
    lines.collect()
}

fn conditions(conditions: &[AnyCondition], now: Timestamp, paint: Paint) -> String {
    if conditions.is_empty() {
        return "none".to_owned();
    }
    let columns = ["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"];
    let mut table = Table::new(columns.map(|column| (column, Align::Left)));
    for condition in conditions {
        let since: Option<Timestamp> = condition
            .last_transition_time
            .as_deref()
            .and_then(|t| t.parse().ok());
        let tone = if condition.status == "True" {
            Tone::Good
        } else {
            Tone::Attention
        };
        table.push([
            visible(&condition.type_).into(),
            Cell::toned(visible(&condition.status), tone),
            visible(condition.reason.as_deref().unwrap_or("-")).into(),
            since
                .map_or_else(|| "-".to_owned(), |since| age(since, now))
                .into(),
            visible(condition.message.as_deref().unwrap_or_default()).into(),
        ]);
    }
    table.render(paint)
}

fn address(address: Option<&AddressView>, paint: Paint) -> String {
    let Some(address) = address else {
        return "none".to_owned();
    };
    let mut out = String::new();
    let prefix = address
        .prefix
        .map_or_else(String::new, |prefix| format!("/{prefix}"));
    let gateway = address
        .gateway
        .as_ref()
        .map_or_else(String::new, |gateway| format!(", gateway {}", visible(gateway)));
    let _ = writeln!(out, "{}{prefix}{gateway}", visible(&address.address));
    let _ = writeln!(
        out,
        "IPAddress   {}{}",
        address.name,
        if address.deleting { ", being deleted" } else { "" }
    );
    let pool = address
        .pool
        .as_ref()
        .map_or_else(|| "not one of ours".to_owned(), ToString::to_string);
    let place = match address.in_pool {
        Some(true) => "",
        Some(false) => " (out of range: the pool does not contain it)",
        None => " (whether it contains the address is not known)",
    };
    let _ = writeln!(
        out,
        "Pool        {}{}",
        visible(&pool),
        paint.say(Tone::Attention, place)
    );
    let owners: Vec<String> = address.owners.iter().map(owner).collect();
    let _ = writeln!(out, "Owners      {}", list(&owners));
    let _ = writeln!(out, "Finalizers  {}", list(&address.finalizers));
    out
}

fn owner(owner: &OwnerView) -> String {
    let mut remarks = Vec::new();
    if owner.controller {
        remarks.push("controller");
    }
    if owner.alive == Some(false) {
        remarks.push("does not exist (any more)");
    }
    let remarks = if remarks.is_empty() {
        String::new()
    } else {
        format!(" ({})", remarks.join(", "))
    };
    // Nobody checks the letters of an owner reference.
    format!("{} {}{remarks}", visible(&owner.kind), visible(&owner.name))
}

fn list(items: &[String]) -> String {
    if items.is_empty() {
        "none".to_owned()
    } else {
        items.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use pools::plan::{
        explain::{QueuePlace, Rule, Step},
        snapshot::PoolKey,
    };

    use super::*;

    fn pool() -> PoolKey {
        PoolKey {
            kind: "InClusterIPPool",
            namespace: Some("team-a".into()),
            name: "workers".into(),
        }
    }

    fn exhausted() -> Explanation {
        let line = |rule, input: &str, verdict| RuleLine {
            rule,
            input: input.to_owned(),
            verdict,
        };
        Explanation {
            namespace: "team-a".into(),
            name: "node-7".into(),
            pool: Some(pool()),
            cluster: None,
            created: Some("2026-01-10T11:54:48Z".parse().unwrap()),
            deleted: None,
            rules: vec![
                line(
                    Rule::Ours,
                    "draws from InClusterIPPool team-a/workers",
                    Verdict::Passed,
                ),
                line(Rule::ExistingAddress, "none of this name", Verdict::Decides),
                line(Rule::Capacity, "total 2, used 2, free 0", Verdict::NotReached),
            ],
            next: Step {
                step: "Rest",
                says: "waits: PoolExhausted".into(),
                is_due: false,
            },
            queue: Some(QueuePlace {
                position: 3,
                length: 7,
            }),
            conditions: vec![AnyCondition {
                type_: "Ready".into(),
                status: "False".into(),
                reason: Some("PoolExhausted".into()),
                message: Some("nothing free".into()),
                last_transition_time: Some("2026-01-10T11:58:00Z".into()),
                ..AnyCondition::default()
            }],
            address: None,
        }
    }

    #[test]
    fn a_waiting_claim_is_explained_on_one_screen() {
        let now = "2026-01-10T12:00:00Z".parse().unwrap();
        let expected = "\
Claim       team-a/node-7
Pool        InClusterIPPool team-a/workers
Cluster     none
Age         5m12s

Rules, in the order they are asked
  ok  pool of ours       draws from InClusterIPPool team-a/workers
  =>  existing address   none of this name
   -  capacity           total 2, used 2, free 0

Next step   waits: PoolExhausted
Queue       3 of 7 waiting claims, oldest first

Conditions
  TYPE    STATUS   REASON          SINCE   MESSAGE
  Ready   False    PoolExhausted   2m      nothing free

Address
  none
";
        assert_eq!(text(&exhausted(), now, Paint::PLAIN), expected);
    }

    /// Whoever may write claims and addresses decides what these texts are.
    #[test]
    fn texts_of_tenants_do_not_reach_the_terminal_as_they_are() {
        let mut told = exhausted();
        let odd = "\x1b[2J";
        told.cluster = Some(odd.into());
        told.pool = Some(PoolKey {
            name: odd.into(),
            ..pool()
        });
        told.next.says = odd.into();
        told.rules[0].input = odd.into();
        told.conditions[0].message = Some(odd.into());
        told.address = Some(AddressView {
            name: "node-7".into(),
            address: odd.into(),
            prefix: None,
            gateway: Some(odd.into()),
            pool: told.pool.clone(),
            in_pool: None,
            deleting: false,
            finalizers: vec![],
            owners: vec![OwnerView {
                kind: odd.into(),
                name: odd.into(),
                controller: false,
                alive: None,
            }],
        });
        let shown = text(&told, Timestamp::UNIX_EPOCH, Paint::PLAIN);
        assert!(!shown.contains('\x1b'), "{shown:?}");
        assert_eq!(shown.matches("\\u{1b}[2J").count(), 10, "{shown}");
    }

    #[test]
    fn an_address_shows_its_owners_and_what_is_wrong_with_it() {
        let view = AddressView {
            name: "node-7".into(),
            address: "192.0.2.99".into(),
            prefix: Some(24),
            gateway: Some("192.0.2.1".into()),
            pool: Some(pool()),
            in_pool: Some(false),
            deleting: true,
            finalizers: vec![],
            owners: vec![
                OwnerView {
                    kind: "IPAddressClaim".into(),
                    name: "node-7".into(),
                    controller: true,
                    alive: Some(false),
                },
                OwnerView {
                    kind: "Machine".into(),
                    name: "m".into(),
                    controller: false,
                    alive: None,
                },
            ],
        };
        let expected = "\
192.0.2.99/24, gateway 192.0.2.1
IPAddress   node-7, being deleted
Pool        InClusterIPPool team-a/workers (out of range: the pool does not contain it)
Owners      IPAddressClaim node-7 (controller, does not exist (any more)), Machine m
Finalizers  none
";
        assert_eq!(address(Some(&view), Paint::PLAIN), expected);
    }
}
