//! SIGKILL at random moments (spec cni-ipam §10.1, §10.3 h), and what it left.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::{Answer, Call, Dice, store};

/// Runtimes at work at once.
const HANDS: usize = 4;

/// Containers a runtime keeps, so that all together never fill the /22.
const KEPT: usize = 60;

/// The longest wait before the kill (spec §10.3 h).
const LONGEST: Duration = Duration::from_millis(8);

/// What a kill loop found. All lists should be empty.
#[derive(Debug, Default)]
pub struct KillReport {
    /// Runs that a signal ended.
    pub killed: usize,
    /// Runs in all; the others were faster than the signal.
    pub runs: usize,
    /// Killed ADDs after which an address was reserved for the container: the kill came between the reservation and
    /// the end. Without any, the kills hit nothing that matters.
    pub halfway: usize,
    /// Addresses that two running containers were given.
    pub duplicates: Vec<IpAddr>,
    /// Reservations that are not whole after the next ADD, with what they contain.
    pub torn: BTreeMap<IpAddr, String>,
    /// Addresses that a running container was given and that are not reserved for it any more.
    pub lost: Vec<IpAddr>,
    /// Files beside the lock and the marks that are left after DEL of every container.
    pub left: Vec<String>,
}

/// Runs ADD and DEL of a plugin with SIGKILL after 0–8 ms until `enough` of them were killed at work, then the checks of
/// spec §10.1. The index, which may be deleted at any time, is deleted now and then. `data` is a data directory for this
/// alone.
///
/// `program` is called `host-local`, or `kube-node`: that one finds its ranges in a cache file, as an administrator writes it.
///
/// # Errors
/// When a run cannot be started, or one that nobody killed failed.
pub fn kill_loop(program: &Path, data: &Path, enough: usize, mut dice: Dice) -> Result<KillReport> {
    let arena = Arena::new(program, data)?;
    let kept: Vec<Vec<String>> = thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS)
            .map(|hand| {
                let (arena, dice) = (&arena, dice.fork());
                scope.spawn(move || arena.work(dice, hand, enough))
            })
            .collect();
        let joined = hands
            .into_iter()
            .map(|hand| hand.join().map_err(|_| anyhow!("a hand panicked"))?);
        joined.collect::<Result<_>>()
    })?;
    arena.verdict(&kept.concat())
}

struct Arena {
    program: PathBuf,
    network: PathBuf,
    index: PathBuf,
    config: Value,
    owners: Mutex<HashMap<IpAddr, String>>,
    duplicates: Mutex<Vec<IpAddr>>,
    killed: AtomicUsize,
    halfway: AtomicUsize,
    runs: AtomicUsize,
}

impl Arena {
    fn new(program: &Path, data: &Path) -> Result<Self> {
        let ranges = json!([[{"subnet": "10.0.0.0/22"}], [{"subnet": "fd00::/64"}]]);
        let name = program
            .file_name()
            .context("a plugin has a name")?
            .to_string_lossy();
        let mut ipam = json!({"type": name, "dataDir": data});
        if name == "kube-node" {
            let cache = json!({"type": "host-local", "dataDir": data, "ranges": ranges});
            fs::create_dir_all(data)?;
            fs::write(data.join("kube-node.json"), cache.to_string())?;
        } else {
            ipam["ranges"] = ranges;
        }
        Ok(Self {
            program: program.to_owned(),
            network: data.join("net"),
            index: data.join(".ipam-index"),
            config: json!({"cniVersion": "1.0.0", "name": "net", "type": "bridge", "ipam": ipam}),
            owners: Mutex::default(),
            duplicates: Mutex::default(),
            killed: AtomicUsize::new(0),
            halfway: AtomicUsize::new(0),
            runs: AtomicUsize::new(0),
        })
    }

    fn call(&self, verb: &str, id: &str) -> Call {
        Call::new(&self.program, verb).id(id).config(&self.config)
    }

    /// Runs a call and kills it after `after`, unless it was faster.
    fn killed(&self, verb: &str, id: &str, after: Duration) -> Result<Answer> {
        let started = Instant::now();
        let mut running = self.call(verb, id).spawn()?;
        // Part of the scenario, not a wait for something: the moment of the kill is what is tested.
        thread::sleep(after.saturating_sub(started.elapsed()));
        running.kill()?;
        let answer = running.wait()?;
        self.runs.fetch_add(1, Ordering::Relaxed);
        if answer.signal().is_some() {
            self.killed.fetch_add(1, Ordering::Relaxed);
        } else {
            ensure!(answer.is_ok(), "{verb} {id}: {answer:?}");
        }
        Ok(answer)
    }

    /// Runs a call that nobody kills.
    fn calmly(&self, verb: &str, id: &str) -> Result<Answer> {
        let answer = self.call(verb, id).run()?;
        ensure!(answer.is_ok(), "{verb} {id}: {answer:?}");
        Ok(answer)
    }

    /// Works until `enough` were killed in all; returns the containers that may have reservations.
    fn work(&self, mut dice: Dice, hand: usize, enough: usize) -> Result<Vec<String>> {
        let mut kept = Vec::new();
        let mut number = 0_usize;
        while self.killed.load(Ordering::Relaxed) < enough {
            if dice.once_in(40) {
                self.forget()?;
            }
            // Half the kills over the whole time, half while the plugin is most likely at work.
            let limit = if dice.once_in(2) { LONGEST } else { LONGEST / 4 };
            let after = dice.time_below(limit);
            if kept.len() < KEPT && !dice.once_in(3) {
                number += 1;
                let id = format!("c{hand}-{number}");
                let answer = self.killed("ADD", &id, after)?;
                if answer.is_ok() {
                    self.grant(&id, &answer)?;
                } else if self.has_any(&id)? {
                    self.halfway.fetch_add(1, Ordering::Relaxed);
                }
                kept.push(id);
            } else if !kept.is_empty() {
                // A runtime repeats DEL until it succeeds: a killed one keeps its place in the list.
                let place = dice.place(kept.len());
                let id: &String = &kept[place];
                self.owners().retain(|_, owner| owner != id);
                if self.killed("DEL", id, after)?.is_ok() {
                    kept.swap_remove(place);
                }
            }
        }
        Ok(kept)
    }

    /// Deletes the index while others use it.
    fn forget(&self) -> Result<()> {
        match fs::remove_dir_all(&self.index) {
            // Another hand was faster, or a plugin has just written into it.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Whether an address is reserved for a container.
    fn has_any(&self, id: &str) -> Result<bool> {
        let content = store::content(id, "eth0");
        Ok(store::reservations(&self.network)?
            .values()
            .any(|found| *found == content))
    }

    fn owners(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, String>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grant(&self, id: &str, answer: &Answer) -> Result<()> {
        let mut owners = self.owners();
        for address in answer.addresses()? {
            if owners.insert(address, id.to_owned()).is_some() {
                self.duplicates
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(address);
            }
        }
        Ok(())
    }

    fn verdict(&self, kept: &[String]) -> Result<KillReport> {
        self.grant("last", &self.calmly("ADD", "last")?)?;
        let found = store::reservations(&self.network)?;
        let whole = |content: &[u8]| {
            let id = content.strip_suffix(b"\r\neth0");
            id.is_some_and(|id| id == b"last" || kept.iter().any(|kept| kept.as_bytes() == id))
        };
        let torn = found.iter().filter(|(_, content)| !whole(content));
        let torn = torn
            .map(|(address, content)| (*address, String::from_utf8_lossy(content).into_owned()))
            .collect();
        let kept_whole =
            |(address, id): &(&IpAddr, &String)| found.get(address) != Some(&store::content(id, "eth0"));
        let lost = self
            .owners()
            .iter()
            .filter(kept_whole)
            .map(|(address, _)| *address)
            .collect();
        for id in kept.iter().map(String::as_str).chain(["last"]) {
            self.calmly("DEL", id)?;
        }
        let left = store::files(&self.network)?.into_keys();
        Ok(KillReport {
            killed: self.killed.load(Ordering::Relaxed),
            runs: self.runs.load(Ordering::Relaxed),
            halfway: self.halfway.load(Ordering::Relaxed),
            duplicates: std::mem::take(&mut *self.duplicates.lock().unwrap_or_else(PoisonError::into_inner)),
            torn,
            lost,
            left: left
                .filter(|name| name != "lock" && !name.starts_with("last_reserved_ip."))
                .collect(),
        })
    }
}
