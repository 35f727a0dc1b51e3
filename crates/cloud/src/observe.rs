//! The watch on Nodes: every event goes into the index at once, and only then wakes anybody.

mod node;

use std::collections::HashSet;
use std::sync::Arc;

use kube::Api;
use kube::runtime::watcher;
use runtime::watch::{self, Guarded, WatchEvent, WatchStatus};
use tokio::sync::watch as channel;
use tokio_util::sync::CancellationToken;

pub use node::{Seen, SlimNode};

use crate::world::World;

/// Nodes per page of a list. A Node is about 8 KiB, most of it images, and a page is in memory as a whole.
const PAGE: u32 = 100;

/// Follows all Nodes until `stop`.
pub async fn nodes(world: Arc<World>, status: channel::Sender<WatchStatus>, stop: CancellationToken) {
    let api: Api<Guarded<SlimNode>> = Api::all(world.client.clone());
    let mut listed = HashSet::new();
    let sink = |event: WatchEvent<SlimNode>| match event {
        WatchEvent::Init => listed.clear(),
        WatchEvent::InitApply(node) => {
            let seen = node.seen();
            listed.insert(seen.facts.name.clone());
            world.observe(seen);
        }
        WatchEvent::Applied(node) => world.observe(node.seen()),
        WatchEvent::InitDone => world.retain(&std::mem::take(&mut listed)),
        WatchEvent::Deleted(key) => world.gone(&key.name),
        WatchEvent::Unreadable(node) => {
            // It exists, so what is known of it stays.
            listed.insert(node.key.name.as_str().into());
            tracing::warn!(
                node = node.key.name,
                error = node.error,
                "Node cannot be read; correct it"
            );
        }
    };
    watch::run(
        api,
        watcher::Config::default().page_size(PAGE),
        status,
        sink,
        stop,
    )
    .await;
}
