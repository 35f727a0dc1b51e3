//! A second look at addresses that seem to have lost their claim.

use api::capi::{Address, Claim};
use futures::{StreamExt as _, stream};
use kube::{Api, Client};

use super::Error;
use crate::{
    controller::Served,
    plan::{
        facts::AddressFacts,
        name::ObjectName,
        orphan::{self, Suspicion},
        snapshot::Snapshot,
    },
};

/// More suspects than this are no race between two lists.
const MOST: usize = 200;

/// Second looks at once.
const CONCURRENCY: usize = 16;

/// What a second look found.
enum Seen {
    Claim(Box<Claim>),
    NeitherOfBoth,
    NoClaim,
}

/// Reads the claims of addresses that look like orphans once more, and corrects the snapshot by what it finds: a claim
/// created, or an address released, between two lists.
///
/// # Errors
/// When the API server does not say.
pub async fn confirm(client: &Client, served: &Served, snapshot: &mut Snapshot) -> Result<(), Error> {
    let index = snapshot.index();
    let suspects = index
        .addresses()
        .filter(|address| orphan::suspect(index, address) != Suspicion::None);
    let names = |address: &AddressFacts| {
        (
            address.name.clone(),
            ObjectName::new(address.name.namespace(), &address.claim),
        )
    };
    let suspects: Vec<_> = suspects
        .map(names)
        .filter(|(_, claim)| !snapshot.has_claim(claim))
        .collect();
    if suspects.len() > MOST {
        return Ok(());
    }
    let looks = suspects.into_iter().map(async |(address, claim)| {
        let seen = look(client, served, &address, &claim).await?;
        Ok::<_, Error>((address, seen))
    });
    let mut looks = stream::iter(looks).buffer_unordered(CONCURRENCY);
    while let Some(result) = looks.next().await {
        match result? {
            (_, Seen::Claim(claim)) => {
                snapshot.add_claim(&claim);
            }
            (address, Seen::NeitherOfBoth) => snapshot.remove_address(&address),
            (_, Seen::NoClaim) => {}
        }
    }
    Ok(())
}

async fn look(
    client: &Client,
    served: &Served,
    address: &ObjectName,
    claim: &ObjectName,
) -> Result<Seen, Error> {
    if let Some(claim) = super::claim(client, served, claim.namespace(), claim.name()).await? {
        return Ok(Seen::Claim(Box::new(claim)));
    }
    let api: Api<Address> = Api::namespaced_with(client.clone(), address.namespace(), &served.version);
    let still_there = api.get_metadata_opt(address.name()).await;
    let still_there = still_there.map_err(|error| Error::read("IPAddress", address, &error))?;
    Ok(if still_there.is_some() {
        Seen::NoClaim
    } else {
        Seen::NeitherOfBoth
    })
}
