//! Run (g) of spec cni-ipam §10.3: `kube-node` with a local API server over TLS with a client certificate. The reference
//! `kube-node` is in no distribution, so ours stands beside our own native ADD.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::cni::Call;

use crate::driver::Job;
use crate::place::{Ground, Place, Programs, Side};
use crate::server::{NODE, Server};
use crate::stats::Series;
use crate::table::{fact, row};

/// What run (g) found; times are medians in milliseconds.
#[derive(Debug)]
pub(crate) struct KubeNode {
    /// ADD with the ranges in the cache.
    pub(crate) cached: f64,
    /// The native ADD of the same two ranges, in the same rounds.
    pub(crate) native: f64,
    /// ADD without a cache: one request.
    pub(crate) tls: f64,
    /// Peak memory without a cache, in bytes.
    pub(crate) memory: u64,
}

/// Measures.
pub(crate) fn kube_node(place: Place, programs: &Programs, runs: usize) -> Result<KubeNode> {
    let folder = place.folder()?;
    let (small, large) = (folder.path().join("small"), folder.path().join("large"));
    fs::create_dir_all(&small)?;
    fs::create_dir_all(&large)?;
    let few = Server::start(&small, 1)?;
    let many = Server::start(&large, 500)?;
    let (cached, native) = cached(place, programs, folder.path(), &few, runs)?;
    let known = uncached(programs, folder.path(), &few, runs, true)?;
    row("(g) kube-node, 1 node", place, "ours", &known);
    let known_of_many = uncached(programs, folder.path(), &many, runs, true)?;
    row("(g) kube-node, 500 nodes", place, "ours", &known_of_many);
    let searched = uncached(programs, folder.path(), &many, runs.min(30), false)?;
    row("(g) searched among 500", place, "ours", &searched);
    let memory = job(programs, folder.path(), &few, true)?;
    forget(&data(folder.path()))?;
    let memory = memory.with("ADD", "memory").peak_memory()?;
    fact(
        "(g) peak memory, uncached",
        place,
        "ours",
        &format!("{} KiB", memory >> 10),
    );
    Ok(KubeNode {
        cached: cached.wall(0.5),
        native: native.wall(0.5),
        tls: known.wall(0.5),
        memory,
    })
}

fn data(folder: &Path) -> std::path::PathBuf {
    folder.join("data")
}

fn job(programs: &Programs, folder: &Path, server: &Server, name_known: bool) -> Result<Job> {
    let ipam = json!({"type": "kube-node", "dataDir": data(folder), "kubeconfig": server.kubeconfig()});
    let config = json!({"cniVersion": "1.0.0", "name": "k8snet", "type": "bridge", "ipam": ipam});
    let call = Call::new(&programs.kube_node, "ADD");
    let call = if name_known {
        call.env("NODE_NAME", NODE)
    } else {
        call
    };
    Job::new(call, &config, folder)
}

/// Cached kube-node and native ADD in turns.
fn cached(
    place: Place,
    programs: &Programs,
    folder: &Path,
    server: &Server,
    runs: usize,
) -> Result<(Series, Series)> {
    let ranges = json!([[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:1::/64"}]]);
    let native = Ground::new(place, programs, Side::Ours, &ranges)?;
    let job = job(programs, folder, server, true)?;
    job.with("ADD", "first").succeed()?;
    job.with("DEL", "first").succeed()?;
    let asked = server.requests();
    let (mut with_cache, mut without) = (Series::default(), Series::default());
    for _ in 0..runs {
        with_cache.push(job.with("ADD", "c1").succeed()?);
        job.with("DEL", "c1").succeed()?;
        without.push(native.job("ADD", "c1").succeed()?);
        native.job("DEL", "c1").succeed()?;
    }
    ensure!(server.requests() == asked, "a cached ADD asked the API server");
    row("(g) kube-node, cached", place, "ours", &with_cache);
    row("(g) host-local, as above", place, "ours", &without);
    Ok((with_cache, without))
}

/// ADDs that know nothing yet.
fn uncached(
    programs: &Programs,
    folder: &Path,
    server: &Server,
    runs: usize,
    name_known: bool,
) -> Result<Series> {
    let job = job(programs, folder, server, name_known)?;
    let asked = server.requests();
    let mut series = Series::default();
    for _ in 0..runs {
        forget(&data(folder))?;
        series.push(job.with("ADD", "c1").succeed()?);
        job.with("DEL", "c1").succeed()?;
    }
    let requests = server.requests() - asked;
    ensure!(
        requests == runs,
        "{requests} requests for {runs} ADDs without a cache"
    );
    Ok(series)
}

/// Removes what was remembered: every file beside the network directories.
fn forget(data: &Path) -> Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
