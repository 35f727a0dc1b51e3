use super::fields;
use crate::error::Error;
use crate::json::Object;

/// What goes beyond the replaced plugin, from the `ipam` section \[E\]; everything is off unless asked for (spec §11).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `allowSmall`: a /31 or /127 has two usable addresses (RFC 3021, RFC 6164), a /32 or /128 one.
    pub allow_small: bool,
    /// `idempotentAdd`: a repeated ADD gets the addresses it has, instead of an error.
    pub idempotent_add: bool,
    /// `sync`: what was written is on the disk before the result is printed.
    pub sync: bool,
    /// `cooldown`: seconds for which a released address is not handed out again, if there is another.
    pub cooldown: u64,
    /// `sticky`: a pod of the same namespace and name gets the address it had, if that is free.
    pub sticky: bool,
    /// `reclaimOnBoot`: reservations from before the machine's last start are dropped. Unset: the plugin decides.
    pub reclaim_on_boot: Option<bool>,
    /// `reclaimOnExhaustion`: in a full range, reservations whose namespace is gone are dropped. Unset: as above.
    pub reclaim_on_exhaustion: Option<bool>,
}

impl Options {
    pub(super) fn read(ipam: &Object) -> Result<Self, Error> {
        let boolean = |key| fields::boolean(ipam, "ipam", key);
        Ok(Self {
            allow_small: boolean("allowSmall")?.unwrap_or(false),
            idempotent_add: boolean("idempotentAdd")?.unwrap_or(false),
            sync: boolean("sync")?.unwrap_or(false),
            cooldown: cooldown(ipam)?,
            sticky: boolean("sticky")?.unwrap_or(false),
            reclaim_on_boot: boolean("reclaimOnBoot")?,
            reclaim_on_exhaustion: boolean("reclaimOnExhaustion")?,
        })
    }

    /// Switches on what is safe where one node owns its data directory and nobody said otherwise: for `kube-node`
    /// and `node-annotation` (spec §11.1).
    #[must_use]
    pub fn reclaiming(mut self) -> Self {
        self.reclaim_on_boot.get_or_insert(true);
        self.reclaim_on_exhaustion.get_or_insert(true);
        self
    }
}

fn cooldown(ipam: &Object) -> Result<u64, Error> {
    let seconds = fields::integer(ipam, "ipam", "cooldown")?.unwrap_or(0);
    let refused = |_| Error::allocator(format!("ipam.cooldown is {seconds}; write seconds, 0 or more"));
    u64::try_from(seconds).map_err(refused)
}
