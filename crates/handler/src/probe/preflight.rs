//! Before an apply: which probes pass at all, and which must pass after it.

use std::net::SocketAddr;
use std::time::Duration;

use nodenet::plan::probe::{Choice, GatewayMode as Mode, Probe as Chosen, Settings};
use tokio::sync::watch;

use super::api_server::ApiServer;
use super::outcome::Outcome;
use super::run::run;
use super::target::Targets;
use super::{GatewayMode, Probe};

/// What came out before an apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    /// Of every probe that was tried.
    pub outcomes: Vec<Outcome>,
    /// The probes to run after the apply, all of which must pass; or the names of the required ones that did not pass
    /// now, so that nothing may be applied. The reasons are among the outcomes.
    pub after: Result<Vec<Probe>, Vec<&'static str>>,
}

/// Tries the chosen probes at the same time, at most `settings.preflight_seconds`. Ends when each has passed.
pub async fn preflight(
    choice: &Choice,
    settings: &Settings,
    node: &str,
    targets: &watch::Receiver<Targets>,
    api_server: Option<&ApiServer>,
) -> Preflight {
    let chosen: Vec<&Chosen> = choice.before().collect();
    let probes: Vec<Probe> = chosen
        .iter()
        .map(|probe| Probe::of(probe, settings, node))
        .collect();
    let budget = Duration::from_secs(settings.preflight_seconds.into());
    let outcomes = run(&probes, targets, api_server, budget).await;

    let tried = || chosen.iter().copied().zip(&outcomes);
    let passed: Vec<Chosen> = tried()
        .filter(|(_, outcome)| outcome.passed())
        .map(|(probe, _)| probe.clone())
        .collect();
    let after = match choice.after(&passed) {
        Ok(needed) => Ok(needed
            .iter()
            .map(|probe| {
                let again = Probe::of(probe, settings, node);
                let before = tried().find(|(other, _)| *other == probe);
                before.map_or_else(|| again.clone(), |(_, outcome)| again.after(outcome))
            })
            .collect()),
        Err(failed) => Err(failed
            .iter()
            .map(|probe| Probe::of(probe, settings, node).name())
            .collect()),
    };
    Preflight { outcomes, after }
}

impl Probe {
    /// How the probe is done that the rules chose.
    #[must_use]
    pub fn of(chosen: &Chosen, settings: &Settings, node: &str) -> Self {
        match chosen {
            Chosen::Gateway => Self::Gateway(match settings.gateway {
                // A disabled one is never chosen.
                Mode::Auto | Mode::Disabled => GatewayMode::Auto { pinged: None },
                Mode::Icmp => GatewayMode::Icmp,
                Mode::Arp => GatewayMode::Neighbour,
            }),
            Chosen::Dns => Self::Dns {
                host: settings.dns_host.clone(),
            },
            Chosen::ApiServer => Self::ApiServer,
            Chosen::NodeReady => Self::NodeReady {
                node: node.to_owned(),
            },
            Chosen::Tcp(address, port) => Self::Tcp(SocketAddr::from((*address, *port))),
        }
    }
}
