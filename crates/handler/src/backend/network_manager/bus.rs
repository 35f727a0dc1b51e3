//! What we ask NetworkManager ourselves, beside nmstate: its checkpoints, its DNS, its version.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time;
use zbus::Connection;
use zbus::names::BusName;
use zbus::proxy::{CacheProperties, Proxy};
use zbus::zvariant::{ObjectPath, OwnedObjectPath, Value};

use super::dns::{Dict, GlobalDns};
use crate::backend::BackendError;

/// Its name on the bus, of its root interface as well.
const NAME: &str = "org.freedesktop.NetworkManager";
const ROOT: &str = "/org/freedesktop/NetworkManager";
const CHECKPOINT: &str = "org.freedesktop.NetworkManager.Checkpoint";

/// A call that takes longer means that the bus or the service hangs. A rollback answers when devices are restored,
/// which was seen to take 90 ms.
const CALL: Duration = Duration::from_secs(30);

/// A checkpoint as its properties tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Its name on the bus. Not used twice while the service runs.
    pub(super) path: String,
    /// When it was made, on the boot clock. Unit: milliseconds.
    pub(super) created: i64,
    /// Its time limit. Unit: seconds, counted from the last adjustment.
    pub(super) timeout: u32,
}

/// A connection to the system bus, made per operation: it costs 2 ms, and a restarted bus needs no care.
#[derive(Debug)]
pub(super) struct Bus {
    connection: Connection,
}

impl Bus {
    /// Connects to the system bus, or to what `DBUS_SYSTEM_BUS_ADDRESS` names.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`].
    pub(super) async fn connect() -> Result<Self, BackendError> {
        let connection = within(Connection::system()).await?;
        Ok(Self { connection })
    }

    /// Which run of the service this is: changes when the service, the bus or the node restarts.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] when the service is not on the bus.
    pub(super) async fn instance(&self) -> Result<String, BackendError> {
        let bus = within(zbus::fdo::DBusProxy::new(&self.connection)).await?;
        let name = BusName::try_from(NAME).map_err(|error| unavailable(&error))?;
        let id = within(async { Ok(bus.get_id().await?) }).await?;
        let owner = within(async { Ok(bus.get_name_owner(name).await?) }).await?;
        Ok(format!("{}/{owner}", id.as_str()))
    }

    /// The property `Version`.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`].
    pub(super) async fn version(&self) -> Result<String, BackendError> {
        let root = self.root().await?;
        within(root.get_property("Version")).await
    }

    /// All checkpoints there are. One that goes while we ask is left out.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`].
    pub(super) async fn checkpoints(&self) -> Result<Vec<Checkpoint>, BackendError> {
        let root = self.root().await?;
        let paths: Vec<OwnedObjectPath> = within(root.get_property("Checkpoints")).await?;
        let mut found = Vec::with_capacity(paths.len());
        for path in paths {
            let proxy = self.proxy(path.as_ref(), CHECKPOINT).await?;
            let created = within(proxy.get_property("Created")).await;
            let timeout = within(proxy.get_property("RollbackTimeout")).await;
            if let (Ok(created), Ok(timeout)) = (created, timeout) {
                found.push(Checkpoint {
                    path: path.to_string(),
                    created,
                    timeout,
                });
            }
        }
        Ok(found)
    }

    /// Whether this checkpoint is still there.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`].
    pub(super) async fn has(&self, path: &str) -> Result<bool, BackendError> {
        let root = self.root().await?;
        let paths: Vec<OwnedObjectPath> = within(root.get_property("Checkpoints")).await?;
        Ok(paths.iter().any(|there| there.as_str() == path))
    }

    /// Drops a checkpoint: its changes are final.
    ///
    /// # Errors
    /// What the service says.
    pub(super) async fn destroy(&self, path: &str) -> Result<(), BackendError> {
        self.on_checkpoint("CheckpointDestroy", path).await
    }

    /// Goes back to a checkpoint and drops it. Returns the devices that could not be restored.
    ///
    /// # Errors
    /// What the service says.
    pub(super) async fn roll_back(&self, path: &str) -> Result<Vec<String>, BackendError> {
        let results: HashMap<String, u32> = self.on_checkpoint("CheckpointRollback", path).await?;
        // 0 is success, 1 says that the device is gone: a new one was deleted, which is what we want.
        let failed = results.into_iter().filter(|(_, result)| *result > 1);
        Ok(failed.map(|(device, _)| device).collect())
    }

    /// The property `GlobalDnsConfiguration`.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`].
    pub(super) async fn global_dns(&self) -> Result<GlobalDns, BackendError> {
        let root = self.root().await?;
        let value: Dict = within(root.get_property("GlobalDnsConfiguration")).await?;
        GlobalDns::read(value).map_err(|error| {
            BackendError::failed(format!("cannot read the global DNS configuration: {error}"))
        })
    }

    /// Sets the property `GlobalDnsConfiguration`.
    ///
    /// # Errors
    /// What the service says.
    pub(super) async fn set_global_dns(&self, config: &GlobalDns) -> Result<(), BackendError> {
        let root = self.root().await?;
        let value = Value::from(config.write());
        within(async { Ok(root.set_property("GlobalDnsConfiguration", value).await?) }).await
    }

    async fn on_checkpoint<T>(&self, method: &str, path: &str) -> Result<T, BackendError>
    where
        T: for<'d> zbus::zvariant::DynamicDeserialize<'d>,
    {
        let path = ObjectPath::try_from(path)
            .map_err(|error| BackendError::failed(format!("{path} names no checkpoint: {error}")))?;
        let root = self.root().await?;
        within(root.call(method, &(path,))).await
    }

    async fn root(&self) -> Result<Proxy<'_>, BackendError> {
        let path = ObjectPath::try_from(ROOT).map_err(|error| unavailable(&error))?;
        self.proxy(path, NAME).await
    }

    /// Without a cache: it would watch every property, and nothing is read twice.
    async fn proxy<'a>(&self, path: ObjectPath<'a>, interface: &'a str) -> Result<Proxy<'a>, BackendError> {
        within(async {
            zbus::proxy::Builder::new(&self.connection)
                .destination(NAME)?
                .path(path)?
                .interface(interface)?
                .cache_properties(CacheProperties::No)
                .build()
                .await
        })
        .await
    }
}

/// A call with a time limit and errors of ours.
async fn within<T>(call: impl Future<Output = zbus::Result<T>>) -> Result<T, BackendError> {
    match time::timeout(CALL, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(named(&error)),
        Err(_) => Err(BackendError::no_network_manager(format!(
            "no answer within {CALL:?}"
        ))),
    }
}

fn named(error: &zbus::Error) -> BackendError {
    let zbus::Error::MethodError(name, message, _) = error else {
        return unavailable(error);
    };
    let said = message.as_deref().unwrap_or("without a message");
    match name.as_str() {
        "org.freedesktop.NetworkManager.PermissionDenied" | "org.freedesktop.DBus.Error.AccessDenied" => {
            BackendError::Permission {
                reason: format!("{name}: {said}"),
            }
        }
        name if name.starts_with("org.freedesktop.DBus.Error.") => {
            BackendError::no_network_manager(format!("{name}: {said}"))
        }
        name => BackendError::failed(format!("{name}: {said}")),
    }
}

fn unavailable(error: &dyn std::error::Error) -> BackendError {
    BackendError::no_network_manager(error.to_string())
}
