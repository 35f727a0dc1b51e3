//! The check at the start (§1.3): does every region answer, and may we do there what the configuration needs (§12.4)?

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use runtime::answer::Answer;
use runtime::clock::BootTime;
use tokio::time::{sleep, timeout};

use crate::plan::facts::Permissions;
use crate::plan::settings::Settings;
use crate::source::{Freshness, Source};
use crate::world::World;

/// Limit of the check of one region.
pub const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// First version whose guest query has a privilege of its own.
const FIRST_WITH_GUEST_PRIVILEGE: u32 = 9;

/// Checks all regions at once, and says of each how it is.
pub(super) async fn regions(world: &World) {
    join_all(world.sources.iter().map(|source| region(world, source))).await;
}

async fn region(world: &World, source: &Arc<dyn Source>) {
    let region = source.region();
    let late = || Answer::Unknown(format!("no answer within {CHECK_LIMIT:?}"));
    let list = timeout(CHECK_LIMIT, source.machines(Freshness::Current))
        .await
        .unwrap_or_else(|_| late());
    if let Answer::Unknown(error) = &list {
        tracing::warn!(%region, error, "region does not answer; its Nodes stay as they are until it does");
        return;
    }
    let late = || Answer::Unknown(format!("no answer within {CHECK_LIMIT:?}"));
    match timeout(CHECK_LIMIT, source.permissions(BootTime::ZERO))
        .await
        .unwrap_or_else(|_| late())
    {
        Answer::Known(held) => {
            let version = version(source).await;
            for missing in missing_privileges(&world.settings, version.as_deref(), held) {
                tracing::warn!(%region, "{missing}");
            }
        }
        Answer::Absent => {}
        Answer::Unknown(error) => tracing::warn!(%region, error, "cannot read our own privileges"),
    }
}

/// The region's version, which is asked for at the same time; it decides how the privilege for guests is called.
async fn version(source: &Arc<dyn Source>) -> Option<Arc<str>> {
    let known = async {
        loop {
            if let Some(version) = source.health().version {
                return version;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(2), known).await.ok()
}

/// What the configuration needs and the credentials may not do: one sentence each. `version` as `9.0.3`, if known.
#[must_use]
pub fn missing_privileges(settings: &Settings, version: Option<&str>, held: Permissions) -> Vec<String> {
    let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    let mut missing = Vec::new();
    if !held.vm_audit {
        missing.push(
            "privilege VM.Audit is missing on / and /vms: machines are left out of lists in silence, and no Node is deleted \
             on an empty list; grant it on / with propagation to the token or user"
                .to_owned(),
        );
    }
    if !held.sys_audit {
        let what = if settings.needs_affinity() {
            "HA groups and rules, and quorum"
        } else {
            "quorum"
        };
        missing.push(format!(
            "privilege Sys.Audit is missing on /: {what} cannot be read, and without quorum no Node is deleted; grant it on / \
             to the token or user"
        ));
    }
    if !settings.network.mode.asks_guest() {
        return missing;
    }
    let (name, is_held) = match major {
        Some(major) if major < FIRST_WITH_GUEST_PRIVILEGE => ("VM.Monitor", held.vm_monitor),
        Some(_) => ("VM.GuestAgent.Audit", held.guest_agent),
        None => (
            "VM.GuestAgent.Audit (Proxmox VE 9) or VM.Monitor (8)",
            held.guest_agent || held.vm_monitor,
        ),
    };
    if !is_held {
        let mode = settings.network.mode;
        missing.push(format!(
            "privilege {name} is missing on / and /vms: mode {mode} cannot ask guests for their addresses; grant it on / with \
             propagation to the token or user"
        ));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::settings::Mode;

    const ALL: Permissions = Permissions {
        vm_audit: true,
        vm_audit_lost: false,
        sys_audit: true,
        guest_agent: true,
        vm_monitor: true,
    };

    fn missing(mode: Mode, version: Option<&str>, held: Permissions) -> String {
        let mut settings = Settings::default();
        settings.network.mode = mode;
        missing_privileges(&settings, version, held).join("\n")
    }

    #[test]
    fn exactly_what_the_configuration_needs_is_asked_for() {
        assert_eq!(missing(Mode::Qemu, Some("9.0.3"), ALL), "");
        let without_guest = Permissions {
            guest_agent: false,
            ..ALL
        };
        assert_eq!(missing(Mode::Default, Some("9.0.3"), without_guest), "");
        assert!(missing(Mode::Qemu, Some("9.0.3"), without_guest).contains("VM.GuestAgent.Audit"));
        assert_eq!(missing(Mode::Qemu, Some("8.4.1"), without_guest), "");
        let without_monitor = Permissions {
            vm_monitor: false,
            ..ALL
        };
        assert!(missing(Mode::Auto, Some("8.4.1"), without_monitor).contains("VM.Monitor"));
        assert_eq!(missing(Mode::Auto, Some("9.1"), without_monitor), "");
        let nothing = missing(Mode::Default, None, Permissions::default());
        assert!(
            nothing.contains("VM.Audit") && nothing.contains("Sys.Audit"),
            "{nothing}"
        );
    }
}
