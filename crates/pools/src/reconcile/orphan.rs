//! One address that may have lost its claim (spec §11.8).

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{
    act::{self, Error, address::Released},
    plan::{
        name::ObjectName,
        orphan::{Suspicion, suspect},
    },
    world::World,
};

/// Looks at one address; releases it once it has been without a claim for long enough.
///
/// # Errors
/// When a write or a live read failed; the caller tries again later.
pub async fn reconcile(world: Arc<World>, name: ObjectName) -> Result<(), Error> {
    let now = Timestamp::now();
    let delay = world.options.orphan_delay;
    let Some((address, suspicion)) = world.read(|index| {
        let address = index.address(&name)?;
        Some((address.clone(), suspect(index, address)))
    }) else {
        world.acquit(&name);
        return Ok(());
    };
    let (claim, pool) = match suspicion {
        Suspicion::None => {
            world.acquit(&name);
            return Ok(());
        }
        Suspicion::Deferred => {
            world.acquit(&name);
            world.orphans.add_after(name, delay);
            return Ok(());
        }
        Suspicion::Orphan { claim, pool } => (claim, pool),
    };
    let age = now.duration_since(world.suspected_since(&name, now));
    let left = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX) - age;
    if left.is_positive() {
        world
            .orphans
            .add_after(name, Duration::try_from(left).unwrap_or(delay));
        return Ok(());
    }
    if world
        .claim_api(claim.namespace())
        .get_opt(claim.name())
        .await
        .map_err(Error::Api)?
        .is_some()
    {
        // Somebody else's claim, or one the watch has yet to show.
        world.acquit(&name);
        world.orphans.add_after(name, delay);
        return Ok(());
    }
    let released = act::address::release(&world, &name, &pool, claim.name(), Some(&address)).await?;
    if released == Released::Yes {
        world.metrics.releases.inc();
        world.announcer.orphan_released(&world, &pool, &name);
        tracing::warn!(address = %name, %pool, "released an address whose claim is gone");
    }
    world.acquit(&name);
    Ok(())
}
