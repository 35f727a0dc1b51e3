//! The token loses `VM.Audit`: every list is empty, and answered with 200.

use std::ops::Range;

use runtime::answer::Answer;
use testkit::proxmox::{Fault, Privileges, Template};

use crate::ground::TOKEN;
use crate::rounds;
use crate::stage::Stage;
use crate::truth::Machine;

const OLD: Range<u32> = 100..130;
/// Machines that cannot be seen any more, in a region where others can.
const HIDDEN: Range<u32> = 110..120;
/// Created while nobody can see their machines.
const NEW: Range<u32> = 130..136;

async fn open() -> Stage {
    let host = |id: u32| format!("pve-{}", id % 2 + 1);
    Stage::open(OLD.chain(NEW).map(|id| Machine::new(id, "north", &host(id)))).await
}

impl Stage {
    fn revoke(&self) {
        self.site.pve.revoke("north", TOKEN.0, "VM.Audit");
    }

    /// Leaves `VM.Audit` on all machines but these.
    fn hide(&self, hidden: Range<u32>) {
        let none = Privileges::all().without("VM.Audit");
        let rest = OLD.chain(NEW).filter(|id| !hidden.contains(id));
        let some = rest.fold(none, |some, id| {
            let path = format!("/vms/{id}");
            ["VM.Audit", "VM.GuestAgent.Audit", "VM.Monitor"]
                .into_iter()
                .fold(some, |some, privilege| some.grant(&path, privilege))
        });
        self.site
            .pve
            .update(|model| *model.region("north").privileges(TOKEN.0) = some);
    }

    fn grant(&self) {
        self.site
            .pve
            .update(|model| *model.region("north").privileges(TOKEN.0) = Privileges::all());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_loses_vm_audit() {
    let stage = open().await;
    let controller = stage.start().await;
    stage.create(OLD).await;
    stage.settled(OLD).await;

    stage.revoke();
    stage.not_ready(100..112).await;
    stage.remove(100);
    stage.switch_off(101);
    stage.grow(102..130, 2);
    stage.create(NEW).await;
    let text = stage.site.event("n102", "DeletionHeld").await;
    assert!(text.contains("VM.Audit"), "{text}");
    // Each list is ten seconds after the one before, so that any two of them would confirm a deletion.
    stage.requests(Template::Resources, rounds(3)).await;
    stage.are_tainted(NEW).await;
    stage.site.get("n100").await;

    stage.grant();
    stage.settled(102..136).await;
    stage.shut_down(101..102).await;
    stage.gone(100).await;
    stage.requests(Template::Resources, 3).await;
    stage.witness.testify().await;
    controller.stop().await;
}

/// `VM.Audit` is left on some machines: the others are gone from the list, and the list is not empty. That looks like machines
/// that were removed, but for the privileges, which are not what they were.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_loses_vm_audit_on_some_machines() {
    let stage = open().await;
    let controller = stage.start().await;
    stage.create(OLD).await;
    stage.settled(OLD).await;

    stage.hide(HIDDEN);
    stage
        .list_is(&controller, "north", "lacks some machines", |list| {
            let list = list.as_ref().known();
            list.is_some_and(|list| list.get(115).is_none() && list.get(100).is_some())
        })
        .await;
    // Their addresses change unseen, those of the others are seen.
    stage.grow(100..110, 2);
    stage.grow(HIDDEN, 2);
    stage.create(NEW).await;
    stage.settled(100..110).await;
    stage.settled(120..130).await;
    stage.settled(NEW).await;
    stage.switch_off(100);
    stage.not_ready(100..101).await;
    stage.not_ready(HIDDEN).await;
    stage.shut_down(100..101).await;
    let text = stage.site.event("n110", "DeletionHeld").await;
    assert!(text.contains("VM.Audit") && text.contains("was lost"), "{text}");
    stage.requests(Template::Resources, rounds(3)).await;

    // A machine that is gone for certain still takes its Node with it, once everything can be seen.
    stage.remove(110);
    stage.grant();
    stage.settled(111..120).await;
    stage.gone(110).await;
    stage.witness.testify().await;
    controller.stop().await;
}

/// The same, and nobody is told what the token may see: nothing shows that machines are missing in the list, which is not
/// empty, and nothing shows that they are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn privileges_that_cannot_be_asked_for_while_some_machines_are_hidden() {
    let stage = open().await;
    let controller = stage.start().await;
    stage.create(OLD).await;
    stage.settled(OLD).await;

    let refused = stage
        .site
        .pve
        .fail(Fault::status(403, "Permission check failed").on(Template::Permissions));
    stage.hide(HIDDEN);
    stage
        .list_is(&controller, "north", "lacks some machines", |list| {
            let list = list.as_ref().known();
            list.is_some_and(|list| list.get(115).is_none() && list.get(100).is_some())
        })
        .await;
    stage.not_ready(HIDDEN).await;
    let text = stage.site.event("n110", "DeletionHeld").await;
    assert!(
        text.contains("privileges in region north are not known"),
        "{text}"
    );
    stage.requests(Template::Resources, rounds(3)).await;
    assert!(refused.hits() > 0, "they were asked for");
    stage.grow(100..110, 2);
    stage.settled(100..110).await;

    // Somebody deletes a machine meanwhile; it is believed as soon as everything can be seen, and is known to be.
    stage.remove(110);
    stage.grant();
    refused.heal();
    stage.settled(111..120).await;
    stage.gone(110).await;
    stage.witness.testify().await;
    controller.stop().await;
}

/// Privileges and lists are asked for at different times: what is known of the privileges is older than the first empty
/// list, and newer than the last one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn privileges_that_are_known_at_other_times_than_lists() {
    let rounds = rounds(1);
    let new = OLD.end..OLD.end + u32::try_from(rounds).expect("few");
    let stage = open().await;
    stage.create(OLD).await;
    stage.not_ready(100..112).await;
    let controller = stage.start().await;
    stage.settled(OLD).await;

    for id in new {
        // Lost a moment after it was confirmed; a new Node asks for a list at once.
        stage.revoke();
        stage.create(id..id + 1).await;
        stage
            .list_is(&controller, "north", "is empty", |list| {
                list.as_ref().known().is_some_and(|list| list.machines.is_empty())
            })
            .await;
        // At most every ten seconds, so there is an empty list ten seconds after the first.
        stage.requests(Template::Permissions, 2).await;
        stage.requests(Template::Resources, 1).await;
        // Back, and the last list stays the empty one for as long as a list counts.
        let broken = stage
            .site
            .pve
            .fail(Fault::status(503, "Service Unavailable").on(Template::Resources));
        stage.grant();
        stage
            .list_is(&controller, "north", "is too old", Answer::is_unknown)
            .await;
        broken.heal();
        stage.settled(100..id + 1).await;
    }
    stage.witness.testify().await;
    controller.stop().await;
}
