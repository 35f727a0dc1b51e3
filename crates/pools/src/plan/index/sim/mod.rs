//! Two processes that both believe they lead, watches that lag, answers that are lost, requests that arrive late:
//! whatever the order, no address is ever given twice, and in the end everybody has one.
//!
//! Time stands still while events interleave. When it passes, everything under way has arrived first: a process that
//! knows nothing of the last 15 s has lost its lease, and does not write.

mod process;
mod server;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use self::{
    process::{Fate, Process, Stream},
    server::{Server, claim_name, pool_name, spec},
};
use crate::plan::ledger::Ledger;

#[derive(Clone, Copy, Debug)]
enum Op {
    NewClaim(u8),
    DeleteClaim(u8),
    Show(usize, Stream),
    ShowAll(usize),
    List(usize),
    RunPool(usize, Fate, bool),
    RunClaim(usize, u8, Fate),
    Land(usize),
    Restart(usize),
    ResizePool(u8),
    TouchPool,
    ByHand(u8),
    Wait(u8),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Done),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Never),
        1 => Just(Fate::Late),
        1 => Just(Fate::Refused),
        1 => Just(Fate::NotSent),
    ]
}

fn stream() -> impl Strategy<Value = Stream> {
    prop_oneof![Just(Stream::Claims), Just(Stream::Pools), Just(Stream::Addresses)]
}

const CLAIMS: u8 = 7;

fn op(processes: usize) -> impl Strategy<Value = Op> {
    let who = 0..processes;
    prop_oneof![
        6 => (0..CLAIMS).prop_map(Op::NewClaim),
        3 => (0..CLAIMS).prop_map(Op::DeleteClaim),
        8 => (who.clone(), stream()).prop_map(|(p, s)| Op::Show(p, s)),
        5 => who.clone().prop_map(Op::ShowAll),
        3 => who.clone().prop_map(Op::List),
        8 => (who.clone(), fate(), any::<bool>()).prop_map(|(p, f, r)| Op::RunPool(p, f, r)),
        10 => (who.clone(), 0..CLAIMS, fate()).prop_map(|(p, c, f)| Op::RunClaim(p, c, f)),
        2 => any::<usize>().prop_map(Op::Land),
        1 => who.prop_map(Op::Restart),
        1 => (2..7_u8).prop_map(Op::ResizePool),
        1 => Just(Op::TouchPool),
        1 => (1..6_u8).prop_map(Op::ByHand),
        2 => (1..20_u8).prop_map(Op::Wait),
    ]
}

struct World {
    server: Server,
    processes: Vec<Process>,
    starts: usize,
    now: Timestamp,
}

impl World {
    fn new(processes: usize) -> Self {
        let (server, now) = (Server::new(), Timestamp::UNIX_EPOCH);
        let mut world = Self {
            server,
            processes: Vec::new(),
            starts: 0,
            now,
        };
        for _ in 0..processes {
            let process = world.start();
            world.processes.push(process);
        }
        world
    }

    fn start(&mut self) -> Process {
        self.starts += 1;
        Process::start(format!("process-{}", self.starts), &self.server, self.now)
    }

    fn apply(&mut self, op: Op) {
        let now = self.now;
        match op {
            Op::NewClaim(number) => self.server.new_claim(number, now),
            Op::DeleteClaim(number) => self.server.delete_claim(number, now),
            Op::Show(p, stream) => {
                self.processes[p].show(stream, now);
            }
            Op::ShowAll(p) => self.processes[p].show_all(now),
            Op::List(p) => self.processes[p].list(&self.server),
            Op::RunPool(p, fate, readable) => {
                self.processes[p].run_pool(&mut self.server, fate, readable, now);
            }
            Op::RunClaim(p, claim, fate) => {
                self.processes[p].run_claim(&claim_name(claim), &mut self.server, fate, now);
            }
            Op::Land(which) => self.server.land(which),
            Op::Restart(p) => self.processes[p] = self.start(),
            Op::ResizePool(last) => self.server.change_pool(spec(last)),
            Op::TouchPool => self.server.change_pool(self.server.pool.1.clone()),
            Op::ByHand(number) => self.server.by_hand(number),
            Op::Wait(seconds) => self.wait(SignedDuration::from_secs(seconds.into())),
        }
        self.tell();
    }

    fn tell(&mut self) {
        let news = std::mem::take(&mut self.server.news);
        for process in &mut self.processes {
            process.hear(&news);
        }
    }

    fn wait(&mut self, time: SignedDuration) {
        while !self.server.late.is_empty() {
            self.server.land(0);
        }
        self.tell();
        for process in &mut self.processes {
            process.show_all(self.now);
        }
        self.now += time;
        for process in &mut self.processes {
            process.ring(self.now);
        }
    }

    /// Nothing fails any more: runs until nobody has anything to do, not even later.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.work();
            let next = self.processes.iter().filter_map(Process::next_ring).min();
            match next {
                Some(at) => self.wait(at.duration_since(self.now).max(SignedDuration::from_secs(1))),
                None if self.server.late.is_empty() && !self.release_orphans() => return,
                None => self.wait(SignedDuration::from_secs(1)),
            }
        }
        panic!("the world does not come to rest");
    }

    fn work(&mut self) {
        for _ in 0..200 {
            let mut busy = false;
            for p in 0..self.processes.len() {
                self.processes[p].show_all(self.now);
                busy |= self.processes[p].work(&mut self.server, self.now);
                self.tell();
            }
            if !busy {
                return;
            }
        }
        panic!("the processes never rest");
    }

    /// What the orphan worker does after its delay (spec §11.8). Says whether there were any.
    fn release_orphans(&mut self) -> bool {
        let addresses = self.server.addresses.values().filter(|a| a.has_finalizer);
        let orphans = addresses.filter(|a| !self.server.claims.contains_key(&a.name));
        let orphans: Vec<_> = orphans.map(|a| a.name.clone()).collect();
        for name in &orphans {
            self.server.remove_address(name);
        }
        self.tell();
        !orphans.is_empty()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.server.duplicates(), Vec::<String>::new());
        for process in &self.processes {
            prop_assert_eq!(process.promised_twice(), None);
        }
        Ok(())
    }

    /// Whoever can have an address has one, and nothing is left over.
    fn is_at_rest(&self) -> Result<(), TestCaseError> {
        for claim in self.server.claims.values() {
            prop_assert!(claim.deleting.is_none(), "{} should be gone", claim.name);
            let address = self.server.addresses.get(&claim.name);
            prop_assert_eq!(claim.bound_to.is_some(), address.is_some(), "{}", claim.name);
            let owner = address.and_then(|a| a.claim_owner.as_deref());
            prop_assert!(
                owner.is_none_or(|o| *o == *claim.version.uid),
                "{} belongs to {:?}",
                claim.name,
                owner
            );
        }
        for process in &self.processes {
            prop_assert_eq!(process.promises(), Vec::<String>::new());
            let entry = process.index.pool(&pool_name()).expect("the pool");
            let waiting: Vec<_> = entry.waiting_claims().collect();
            let unbound: Vec<_> = self
                .server
                .claims
                .values()
                .filter(|c| c.bound_to.is_none())
                .collect();
            prop_assert_eq!(waiting.len(), unbound.len());
            let is_exhausted = entry.ledger().is_some_and(Ledger::is_exhausted);
            prop_assert!(
                waiting.is_empty() || is_exhausted,
                "{:?} wait for nothing",
                waiting
            );
            for claim in unbound {
                let reason = claim.ready.as_ref().and_then(|r| r.reason.as_deref());
                prop_assert_eq!(reason, Some("PoolExhausted"), "{} does not say why", claim.name);
            }
        }
        let (facts, _) = &self.server.pool;
        let journal = facts.allocation.iter().flat_map(|a| &a.reservations);
        prop_assert_eq!(journal.count(), 0, "promises are left in the journal");
        let counts = self.processes[0]
            .index
            .pool(&pool_name())
            .and_then(|e| e.ledger())
            .map(Ledger::counts);
        prop_assert_eq!(facts.counts, counts);
        Ok(())
    }
}

/// `survivors` of the processes finish what all began.
fn play(processes: usize, survivors: usize, ops: Vec<Op>) -> Result<(), TestCaseError> {
    let mut world = World::new(processes);
    for op in ops {
        world.apply(op);
        world.check()?;
    }
    world.processes.truncate(survivors);
    world.settle();
    world.check()?;
    world.is_at_rest()
}

/// Of two leaders, only the one that was refused knows of it; they would tell the claim different things until its
/// backoff ends.
fn without_refusal(op: Op) -> Op {
    match op {
        Op::RunClaim(p, claim, Fate::Refused) => Op::RunClaim(p, claim, Fate::NotSent),
        op => op,
    }
}

proptest! {
    #[test]
    fn one_process_serves_everybody_whatever_gets_lost(ops in prop::collection::vec(op(1), 0..120)) {
        play(1, 1, ops)?;
    }

    #[test]
    fn two_leaders_never_give_an_address_twice(ops in prop::collection::vec(op(2), 0..160)) {
        play(2, 1, ops)?;
    }

    #[test]
    fn two_leaders_come_to_rest(ops in prop::collection::vec(op(2).prop_map(without_refusal), 0..100)) {
        play(2, 2, ops)?;
    }
}

fn play_script(ops: &[Op]) {
    play(2, 1, ops.to_vec()).unwrap_or_else(|e| panic!("{e}"));
}

/// The author of a journal may give up what it lists without anybody hearing of it in time.
#[test]
fn a_promise_of_another_process_is_signed_before_it_is_redeemed() {
    play_script(&[
        Op::NewClaim(0),
        Op::List(0),
        Op::List(1),
        Op::ShowAll(0),
        Op::ShowAll(1),
        Op::RunPool(0, Fate::Done, true),
        Op::ShowAll(1),
        Op::DeleteClaim(0),
        Op::ShowAll(0),
        Op::RunClaim(0, 0, Fate::Done),
        Op::NewClaim(1),
        Op::ShowAll(0),
        Op::RunPool(0, Fate::Done, true),
        Op::RunClaim(0, 1, Fate::Done),
        Op::RunClaim(1, 0, Fate::Done),
    ]);
}

/// The one that took over does not let a claim go for which the one before it may still create an address: nobody would
/// look for that address until it is taken for an orphan.
#[test]
fn a_deleted_claim_waits_for_a_create_that_may_still_arrive() {
    let mut world = World::new(2);
    let claim = claim_name(0);
    for op in [
        Op::NewClaim(0),
        Op::List(0),
        Op::List(1),
        Op::ShowAll(0),
        Op::ShowAll(1),
        Op::RunPool(0, Fate::Done, true),
        Op::RunClaim(0, 0, Fate::Late),
        Op::DeleteClaim(0),
        Op::ShowAll(1),
        Op::RunClaim(1, 0, Fate::Done),
    ] {
        world.apply(op);
    }
    assert!(
        world.server.claims.contains_key(&claim),
        "the create is still under way"
    );
    for op in [Op::Land(0), Op::ShowAll(1), Op::RunClaim(1, 0, Fate::Done)] {
        world.apply(op);
    }
    assert!(
        world.server.addresses.is_empty(),
        "it is released as soon as it is seen"
    );
    assert!(world.server.claims.contains_key(&claim), "another one may follow");
    world.apply(Op::Wait(16));
    world.apply(Op::RunClaim(1, 0, Fate::Done));
    assert!(world.server.claims.is_empty(), "nothing can follow any more");
}

/// What never arrives is not waited for longer than a request may take.
#[test]
fn a_deleted_claim_does_not_wait_for_ever() {
    let mut world = World::new(2);
    for op in [
        Op::NewClaim(0),
        Op::List(0),
        Op::List(1),
        Op::ShowAll(0),
        Op::ShowAll(1),
        Op::RunPool(0, Fate::Done, true),
        Op::RunClaim(0, 0, Fate::Never),
        Op::DeleteClaim(0),
        Op::ShowAll(0),
        Op::RunClaim(0, 0, Fate::Done),
    ] {
        world.apply(op);
    }
    assert_eq!(world.server.claims.len(), 1);
    world.processes.truncate(1);
    world.settle();
    assert!(world.server.claims.is_empty());
    world.is_at_rest().unwrap_or_else(|e| panic!("{e}"));
}

/// A process that was stopped between the record and the create does not know what happened meanwhile.
#[test]
fn a_record_is_not_redeemed_after_a_long_stop() {
    play_script(&[
        Op::NewClaim(0),
        Op::List(0),
        Op::ShowAll(0),
        Op::RunPool(0, Fate::Done, true),
        Op::Wait(15),
        Op::List(1),
        Op::NewClaim(2),
        Op::DeleteClaim(0),
        Op::ShowAll(1),
        Op::RunPool(1, Fate::Done, true),
        Op::RunClaim(0, 0, Fate::Done),
        Op::RunClaim(1, 2, Fate::Done),
    ]);
}

/// The write arrived, its answer did not, and the pool could not be read: the watch shows the journal all the same.
#[test]
fn a_journal_whose_answer_was_lost_serves_its_claims() {
    play_script(&[
        Op::NewClaim(0),
        Op::List(0),
        Op::ShowAll(0),
        Op::RunPool(0, Fate::Lost, false),
        Op::ShowAll(0),
        Op::RunClaim(0, 0, Fate::Done),
    ]);
}

/// The claim says one thing when an earlier refusal is over and nothing is left.
#[test]
fn an_old_refusal_and_an_exhausted_pool_do_not_argue() {
    play_script(&[
        Op::NewClaim(1),
        Op::ResizePool(2),
        Op::List(0),
        Op::ShowAll(0),
        Op::RunPool(0, Fate::Done, true),
        Op::RunClaim(0, 1, Fate::Refused),
        Op::ByHand(1),
        Op::NewClaim(0),
    ]);
}
