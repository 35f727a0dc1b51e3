//! `cadastre explain`: what the plan thinks of a claim, rule by rule.

mod text;

use std::{process::ExitCode, str::FromStr};

use anyhow::Result;
use clap::Args;
use pools::{
    plan::{explain::explain, name::PoolName},
    survey::{self, Reach},
};

use super::{
    NO,
    output::Output,
    progress::Meter,
    session::{Cluster, Namespace, Session},
    text::visible,
};

/// Explain why a claim has its address, or why it has none
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Shows every rule a claim goes through, in order, with what it looked at: the rules before the deciding one passed, \
those after it were not reached. The rules are asked of the objects as they are now, by the code the controller runs; \
what only a running controller remembers (a create refused a moment ago, its --watch-filter) is not known here.

Exit codes: 0 explained; 1 there is no such claim; 2 could not look.

Examples:
  cadastre explain claim/node-1
  cadastre explain claim/node-1 -n team-a -o yaml")]
pub(crate) struct Flags {
    /// What to explain: claim/NAME
    #[arg(value_name = "KIND/NAME")]
    target: Target,

    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    scope: Namespace,
    #[command(flatten)]
    cluster: Cluster,
}

/// Something to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    claim: String,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((kind, name)) = text.split_once('/') else {
            return Err(format!("write it as claim/{text}"));
        };
        // kubectl -o name prints resource.group/name.
        let resource = kind.split('.').next().unwrap_or_default().to_ascii_lowercase();
        match &*resource {
            "claim" | "claims" | "ipaddressclaim" | "ipaddressclaims" if !name.is_empty() => Ok(Self {
                claim: name.to_owned(),
            }),
            "claim" | "claims" | "ipaddressclaim" | "ipaddressclaims" => {
                Err("the name is missing".to_owned())
            }
            _ => Err(format!("`{kind}` cannot be explained; only claim/NAME can")),
        }
    }
}

pub(crate) async fn run(flags: Flags) -> Result<ExitCode> {
    let session = Session::open(&flags.cluster).await?;
    let (client, served) = (&session.client, &session.served);
    let namespace = flags
        .scope
        .namespace
        .as_deref()
        .unwrap_or(&session.default_namespace);
    let name = &flags.target.claim;
    let Some(claim) = survey::claim(client, served, namespace, name).await? else {
        eprintln!("cadastre: there is no IPAddressClaim {namespace}/{name}");
        return Ok(ExitCode::from(NO));
    };
    let reach = PoolName::of_claim(namespace, &claim.spec.pool_ref)
        .map_or(Reach::Namespace(namespace), |pool| {
            Reach::for_pool(&pool, namespace)
        });
    let meter = Meter::start();
    let mut snapshot = survey::take(client, served, reach, &meter).await?;
    drop(meter);
    // The claim may be younger than the list.
    snapshot.add_claim(&claim);
    let explanation = explain(&snapshot, &claim);
    flags.output.print(&explanation, |paint| {
        text::text(&explanation, snapshot.taken(), paint)
    })?;
    for gap in snapshot.gaps() {
        eprintln!("not looked at: {}", visible(gap));
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_named_as_people_and_kubectl_name_them() {
        for text in [
            "claim/x",
            "ipaddressclaim/x",
            "IPAddressClaims/x",
            "ipaddressclaim.ipam.cluster.x-k8s.io/x",
        ] {
            assert_eq!(text.parse::<Target>(), Ok(Target { claim: "x".into() }), "{text}");
        }
        let table = [
            ("x", "write it as claim/x"),
            ("claim/", "the name is missing"),
            ("pod/x", "`pod` cannot be explained; only claim/NAME can"),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Target>(), Err(error.to_owned()), "{text}");
        }
    }
}
