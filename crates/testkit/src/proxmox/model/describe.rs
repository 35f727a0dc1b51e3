//! Describing a VM, one call per property.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::guest::Guest;
use super::vm::{Ha, Status, Vm};

impl Vm {
    /// On this host.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// `smbios1` is this UUID and nothing else.
    #[must_use]
    pub fn uuid(self, uuid: &str) -> Self {
        let text = format!("uuid={uuid}");
        self.smbios1(&text)
    }

    /// `smbios1` literally.
    #[must_use]
    pub fn smbios1(mut self, text: &str) -> Self {
        self.smbios1 = Some(text.to_owned());
        self
    }

    /// Without `smbios1`.
    #[must_use]
    pub fn without_smbios1(mut self) -> Self {
        self.smbios1 = None;
        self
    }

    /// Adds a SKU to `smbios1`, in Base64 and with the flag that says so, as the web interface writes it.
    #[must_use]
    pub fn sku(mut self, sku: &str) -> Self {
        let before = self.smbios1.take().map_or_else(String::new, |text| text + ",");
        self.smbios1 = Some(format!("{before}sku={},base64=1", STANDARD.encode(sku)));
        self
    }

    /// With so many cores, such as `2` or `1.5`.
    #[must_use]
    pub fn cpus(mut self, cpus: impl Into<f64>) -> Self {
        self.cpus = cpus.into();
        self
    }

    /// With so much memory. Unit: bytes.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// In this status.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Stopped.
    #[must_use]
    pub fn stopped(self) -> Self {
        self.status(Status::Stopped)
    }

    /// Listed as `unknown`.
    #[must_use]
    pub fn unknown(self) -> Self {
        self.status(Status::Unknown)
    }

    /// A template, which never runs.
    #[must_use]
    pub fn template(mut self) -> Self {
        self.template = true;
        self.stopped()
    }

    /// Without name.
    #[must_use]
    pub fn without_name(mut self) -> Self {
        self.name = None;
        self
    }

    /// One more network card, such as `virtio=BC:24:11:2E:C4:0B,bridge=vmbr1`. The first call replaces the one that
    /// was there by default.
    #[must_use]
    pub fn net(mut self, text: &str) -> Self {
        if self
            .nets
            .first()
            .is_some_and(|net| net.ends_with(",bridge=vmbr0,firewall=1"))
        {
            self.nets.clear();
        }
        self.nets.push(text.to_owned());
        self
    }

    /// With these tags, separated by `;`.
    #[must_use]
    pub fn tags(mut self, tags: &str) -> Self {
        self.tags = Some(tags.to_owned());
        self
    }

    /// In this pool.
    #[must_use]
    pub fn pool(mut self, pool: &str) -> Self {
        self.pool = Some(pool.to_owned());
        self
    }

    /// Managed by high availability, in this state.
    #[must_use]
    pub fn ha(mut self, state: &str) -> Self {
        let group = self.ha.take().and_then(|ha| ha.group);
        self.ha = Some(Ha {
            state: state.to_owned(),
            group,
        });
        self
    }

    /// Managed by high availability, as a member of this group.
    #[must_use]
    pub fn ha_group(mut self, group: &str) -> Self {
        let state = self.ha.take().map_or_else(|| "started".to_owned(), |ha| ha.state);
        self.ha = Some(Ha {
            state,
            group: Some(group.to_owned()),
        });
        self
    }

    /// Whose guest answers this.
    #[must_use]
    pub fn guest(mut self, guest: Guest) -> Self {
        self.guest = guest;
        self
    }

    /// With this key in its configuration.
    #[must_use]
    pub fn config(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config.insert(key.to_owned(), value.into());
        self
    }
}
